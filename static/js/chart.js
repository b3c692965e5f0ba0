// Draws the CO2e chart of the overview from the timeseries API: the total with its interval, and the heaviest parts.
"use strict";

(function () {
  const TOP = 5;
  const UNITS = [[1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"], [1e-6, "µg"]];
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2]];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function mass(grams) {
    if (grams === null || grams === undefined) return "–";
    if (grams === 0) return "0 g";
    const [factor, unit] = UNITS.find(([step]) => Math.abs(grams) >= step) || UNITS[UNITS.length - 1];
    return Number((grams / factor).toPrecision(3)).toLocaleString("en") + " " + unit;
  }

  async function points(url) {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error("The series could not be read (" + answer.status + ").");
    return (await answer.json()).points;
  }

  function steps(url) {
    const query = new URL(url, location.href).searchParams;
    const start = Date.parse(query.get("start_time")) / 1000;
    const end = Math.min(Date.parse(query.get("end_time")), Date.now()) / 1000;
    const days = [];
    for (let day = start; day < end; day += 86400) days.push(day);
    return days;
  }

  function series(days, found, pick) {
    const byDay = new Map(found.map((point) => [Date.parse(point.start_time) / 1000, point]));
    return days.map((day) => (byDay.has(day) ? pick(byDay.get(day).totals.co2e_grams) : 0));
  }

  function heaviest(parts) {
    const sums = new Map();
    for (const part of parts) {
      const known = sums.get(part.key) || { label: part.label, points: [], sum: 0 };
      known.points.push(part);
      known.sum += part.totals.co2e_grams.central;
      sums.set(part.key, known);
    }
    return [...sums.values()].sort((a, b) => b.sum - a.sum).slice(0, TOP);
  }

  function options(width, parts) {
    const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    const days = { space: 70, values: (chart, ticks) => ticks.map((seconds) => day.format(new Date(seconds * 1000))) };
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    return {
      width: width,
      height: 300,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      scales: { y: { range: (chart, low, high) => [0, (high || 1) * 1.05] } },
      axes: [Object.assign({}, axis, days), Object.assign({ size: 70, values: (chart, ticks) => ticks.map(mass) }, axis)],
      bands: [{ series: [2, 1], fill: colour("--band") }],
      series: [
        { value: (chart, seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 10)), label: "Day (UTC)" },
        { label: "low", stroke: "transparent", points: { show: false }, value: (chart, grams) => mass(grams) },
        { label: "high", stroke: "transparent", points: { show: false }, value: (chart, grams) => mass(grams) },
        { label: "total", stroke: colour("--accent"), width: 2.5, points: { show: false }, value: (chart, grams) => mass(grams) },
      ].concat(parts.map((part, index) => ({
        label: part.label,
        stroke: index % 2 ? colour("--second") : colour("--muted"),
        dash: DASHES[index],
        width: 1.25,
        points: { show: false },
        value: (chart, grams) => mass(grams),
      }))),
    };
  }

  async function draw(box) {
    const url = box.dataset.url;
    const [total, split] = await Promise.all([points(url), points(url + "&split_by=" + box.dataset.split)]);
    const days = steps(url);
    const parts = heaviest(split);
    const data = [
      days,
      series(days, total, (range) => range.low),
      series(days, total, (range) => range.high),
      series(days, total, (range) => range.central),
    ].concat(parts.map((part) => series(days, part.points, (range) => range.central)));
    let chart = null;
    const render = () => {
      if (chart) chart.destroy();
      chart = new uPlot(options(box.clientWidth, parts), data, box);
    };
    render();
    new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: 300 })).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  }

  for (const box of document.querySelectorAll("[data-chart]")) {
    draw(box).catch((failure) => {
      box.textContent = failure.message;
    });
  }
})();
