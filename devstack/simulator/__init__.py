"""A stand-in for the services outside the platform, spoken to over real HTTP.

OpenAI, Anthropic, OpenRouter, Stripe and a credit registry, with a clock, revisions and faults
that a test can command. It shares no code with the apps and imports no Django.
"""
