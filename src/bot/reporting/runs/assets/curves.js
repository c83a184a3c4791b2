"use strict";
// Equity above, the fall from each peak below it, on one axis of time (uPlot; the whole page is in UTC).

const FONT = () => `11px ${getComputedStyle(document.body).fontFamily}`;

class Curves {
  #plots = [];

  /** `lines` are {name, colour, values, isShown}; `base` is what percentages are of. */
  constructor(time, lines, base, note) {
    this.time = time;
    this.lines = lines;
    this.base = base;
    this.note = note;
    this.falls = lines.map((line) => fallen(line.values, base));
    this.build();
    onTheme(() => this.build());
    new ResizeObserver(() => this.#fit()).observe(element("equity"));
  }

  /** Show or hide a line in both pictures. */
  show(at, isShown) {
    this.lines[at].isShown = isShown;
    this.#tell(null);
    this.#plots.forEach((plot) => plot.setSeries(at + 1, { show: isShown }));
  }

  build() {
    this.#plots.forEach((plot) => plot.destroy());
    this.#plots = [
      this.#plot("equity", this.lines.map((line) => line.values), { isTop: true }),
      this.#plot("fall", this.falls, { isTop: false }),
    ];
    this.#tell(null);
  }

  #plot(id, values, { isTop }) {
    const box = element(id);
    const axis = { stroke: colour("muted"), font: FONT(), grid: { stroke: faint(colour("line"), 0.8), width: 1 }, ticks: { show: false } };
    const numbers = isTop
      ? (_plot, ticks) => ticks.map((tick) => amount(tick, digitsFor(ticks[1] - ticks[0])))
      : (_plot, ticks) => ticks.map((tick) => percent(tick, digitsFor((ticks[1] - ticks[0]) * 100)));
    const only = this.lines.length === 1 || this.lines[0].isMain;
    return new uPlot({
      width: box.clientWidth, height: box.clientHeight, padding: [8, 4, isTop ? 8 : 0, 0], legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { sync: { key: "curves" }, y: false, points: { size: 6 }, drag: { x: true, y: false } },
      scales: { x: { time: true }, y: { range: isTop ? undefined : (_plot, low) => [Math.min(low * 1.08, -0.0001), 0] } },
      axes: [
        { ...axis, show: !isTop, size: isTop ? 0 : 26, space: 90, values: dates },
        { ...axis, size: 76, space: 34, gap: 6, values: numbers },
      ],
      series: [{}, ...this.lines.map((line, at) => ({
        show: line.isShown, stroke: () => colour(isTop || at || !only ? line.colour : "down"), width: at && only ? 1.2 : 1.6, points: { show: false }, spanGaps: true,
        fill: only && !at ? () => faint(colour(isTop ? line.colour : "down"), isTop ? 0.08 : 0.16) : undefined,
        fillTo: isTop ? (plot) => plot.scales.y.min : 0,
      }))],
      hooks: { setCursor: [(plot) => this.#tell(plot.cursor.idx)] },
    }, [this.time, ...values], box);
  }

  #fit() {
    for (const plot of this.#plots) {
      const box = plot.root.parentElement;
      plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    }
  }

  #tell(at) {
    const row = at ?? this.time.length - 1;
    const isKnown = (line) => line.isShown && line.values[row] !== null;
    const each = this.lines.flatMap((line, place) => isKnown(line) ? [`${line.name ? `${line.name} ` : ""}${amount(line.values[row])} (${percent(this.falls[place][row])})`] : []);
    element(this.note).textContent = `${moment(this.time[row])} · ${each.join(" · ")}`;
  }
}

/** How far each value is below the highest before it, as a fraction of that. */
function fallen(values, base) {
  let peak = base;
  return values.map((value) => {
    if (value === null) return null;
    peak = Math.max(peak, value);
    return peak > 0 ? Math.min(0, value / peak - 1) : 0;
  });
}

function dates(_plot, ticks, _axis, _space, step) {
  let before = "";
  return ticks.map((tick) => {
    const date = new Date(tick * 1000).toISOString();
    const day = new Date(tick * 1000).toLocaleDateString("en-GB", step >= 2_419_200 ? { month: "short", year: "2-digit", timeZone: "UTC" } : { day: "numeric", month: "short", timeZone: "UTC" });
    if (step >= 86_400) return day;
    const text = day === before ? date.slice(11, 16) : day;
    before = day;
    return text;
  });
}

if (element("run")) {
  const { curve, capital } = told("run");
  const curves = new Curves(curve.time, [
    { name: "", colour: "accent", values: curve.equity, isShown: true, isMain: true },
    { name: "held", colour: "held", values: curve.hold, isShown: Boolean(element("hold")) },
  ], capital, "equity-note");
  element("hold")?.addEventListener("click", (event) => {
    const isOn = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", isOn);
    curves.show(1, isOn);
  });
}
