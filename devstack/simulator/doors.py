"""Finds the service a request is for, and lets faults strike on the way."""

from collections.abc import Callable
from dataclasses import replace

from devstack.simulator import (
    anthropic,
    control,
    electricitymaps,
    litellm,
    openai,
    openrouter,
    registry,
    retirements,
    stripe_api,
    uk_carbon,
)
from devstack.simulator.faults import answer_instead, spoil
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import Effect, RefusedError, Reply, Request, json_reply

Door = Callable[[Request, str, Simulator], Reply]

SERVICES: dict[str, tuple[str, Door, Callable[[int], Reply]]] = {
    "openai": ("/openai/v1", openai.answer, openai.error),
    "anthropic": ("/anthropic", anthropic.answer, anthropic.error),
    "openrouter": ("/openrouter/api/v1", openrouter.answer, openrouter.error),
    "litellm": ("/litellm", litellm.answer, litellm.error),
    "stripe": ("/stripe", stripe_api.answer, stripe_api.error),
    "registry": ("/registry", registry.answer, retirements.error),
    "electricitymaps": ("/electricitymaps/v3", electricitymaps.answer, electricitymaps.error),
    "uk_carbon": ("/uk-carbon", uk_carbon.answer, uk_carbon.error),
}


def reply_to(simulator: Simulator, request: Request) -> Reply:
    """The service's answer, or what a fault makes of it."""
    if request.path == "/healthz":
        return json_reply({"status": "ok"})
    if request.path.startswith("/control/"):
        return control.answer(request, request.path.removeprefix("/control"), simulator)
    for service, (prefix, _, _) in SERVICES.items():
        if request.path.startswith(prefix + "/"):
            return _serve(simulator, service, request)
    reply = json_reply({"error": {"message": "nothing is here"}}, 404)
    simulator.journal.note("elsewhere", request, reply, None)
    return reply


def _serve(simulator: Simulator, service: str, request: Request) -> Reply:
    prefix, door, error = SERVICES[service]
    path = request.path.removeprefix(prefix)
    fault = simulator.faults.striking(service, path)
    reply = answer_instead(fault, request, error, simulator.clock.now()) if fault else None
    if reply is None:
        try:
            reply = simulator.fixtures.find(request) or door(request, path, simulator)
        except RefusedError as refused:
            reply = refused.reply
        if fault:
            reply = spoil(fault, request, reply)
    wait = simulator.latency.get(service, simulator.latency.get("*", 0.0))
    if wait and reply.effect is None:
        reply = replace(reply, effect=Effect("slow", wait))
    simulator.journal.note(service, request, reply, fault.kind if fault else None)
    return reply
