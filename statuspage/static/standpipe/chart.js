// Owns the reading of charts: a crosshair under the pointer or the arrow keys, and the figures beside it.
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const NAMESPACE = "http://www.w3.org/2000/svg";

function figure(value, unit) {
  return value === null ? "–" : `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })}${unit}`;
}

function nearest(readings, at) {
  let best = 0;
  for (let i = 1; i < readings.length; i += 1) if (Math.abs(readings[i][0] - at) < Math.abs(readings[best][0] - at)) best = i;
  return best;
}

function crosshair(svg) {
  const line = document.createElementNS(NAMESPACE, "line");
  const group = document.createElementNS(NAMESPACE, "g");
  group.setAttribute("class", "crosshair");
  line.setAttribute("y1", svg.dataset.top);
  line.setAttribute("y2", svg.dataset.bottom);
  group.append(line);
  svg.append(group);
  return line;
}

function enliven(chart) {
  const output = chart.querySelector("[data-reading]");
  let readings = [];
  let drawings = [];
  let readAt = null;

  function draw() {
    readings = JSON.parse(chart.querySelector('script[type="application/json"]').textContent);
    drawings = [...chart.querySelectorAll("svg.series")].map((svg) => ({ svg, line: crosshair(svg) }));
    for (const tick of chart.querySelectorAll(".tick.time[data-at]")) tick.textContent = clock.format(new Date(tick.dataset.at * 1000));
    if (readAt === null) say("Last 24 h");
    else read(nearest(readings, readAt));
  }

  // Said only where it is new: the reading is a live region, and is spoken at each change.
  function say(text) {
    if (output.textContent !== text) output.textContent = text;
  }

  function read(to) {
    if (!readings.length) return;
    const [at, depth, ingress, ack] = readings[Math.min(readings.length - 1, Math.max(0, to))];
    readAt = at;
    say(`${clock.format(new Date(at * 1000))} · ${figure(depth, " waiting")} · in ${figure(ingress, "/s")} · ack ${figure(ack, "/s")}`);
    for (const { svg, line } of drawings) {
      const { left, right, start, end } = svg.dataset;
      const x = Number(left) + ((at - start) / (end - start)) * (right - left);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      line.parentNode.dataset.at = at;
    }
  }

  chart.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("svg.series");
    if (!svg) return;
    const { left, right, start, end } = svg.dataset;
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    read(nearest(readings, Number(start) + ((x - left) / (right - left)) * (end - start)));
  });
  chart.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 12 : 1;
    const index = readAt === null ? readings.length - 1 : nearest(readings, readAt);
    const to = { ArrowLeft: index - step, ArrowRight: index + step, Home: 0, End: readings.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read(to);
  });
  chart.addEventListener("renewed", draw);
  draw();
}

function findCharts(root) {
  for (const chart of root.querySelectorAll("[data-chart]:not([data-alive])")) {
    chart.dataset.alive = "";
    enliven(chart);
  }
}

findCharts(document);
document.addEventListener("htmx:afterSettle", (event) => findCharts(event.target.parentNode ?? document));
