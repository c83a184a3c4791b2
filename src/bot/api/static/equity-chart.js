// Equity above, drawdown below, on one time axis (uPlot).

import { dayOf, money, moment, percent, timeOfDay } from "./format.js";
import { colours, faint, onTheme } from "./theme-colours.js";

const HEIGHTS = [140, 72];
const MOST = 4000;

/** A tick of the time axis: the day stands only where it is new. */
function timeTick(seconds, at, ticks) {
  const day = dayOf(seconds * 1000);
  const isNew = at > 0 && day !== dayOf(ticks[at - 1] * 1000);
  return isNew ? day : timeOfDay(seconds * 1000).slice(0, 5);
}

/** Draws the equity of one strategy; `show` takes points of the API, `push` one more. */
export class EquityChart {
  #times = [];
  #equity = [];
  #plots = [];

  constructor(box, note) {
    this.box = box;
    this.note = note;
    onTheme(() => this.#build());
    new ResizeObserver(() => this.#plots.forEach((plot, at) => plot.setSize({ width: this.#width(), height: HEIGHTS[at] }))).observe(box);
  }

  /** Show points, oldest first. */
  show(points) {
    this.#times = points.map((point) => point.time_ms / 1000);
    this.#equity = points.map((point) => point.equity);
    this.#refresh();
  }

  /** Add one point; older ones than the last are ignored. */
  push(point) {
    if (point.time_ms / 1000 <= (this.#times.at(-1) ?? 0)) return;
    this.#times.push(point.time_ms / 1000);
    this.#equity.push(point.equity);
    if (this.#times.length > MOST) [this.#times, this.#equity] = [this.#times.slice(1), this.#equity.slice(1)];
    this.#refresh();
  }

  /** True when there is nothing to draw. */
  get isEmpty() {
    return this.#times.length === 0;
  }

  #drawdowns() {
    let peak = -Infinity;
    return this.#equity.map((equity) => {
      peak = Math.max(peak, equity);
      return peak > 0 ? Math.min(0, equity / peak - 1) : 0;
    });
  }

  #refresh() {
    if (this.isEmpty) return;
    if (!this.#plots.length) this.#build();
    else this.#data().forEach((data, at) => this.#plots[at].setData(data));
    this.#tell(null);
  }

  #data() {
    return [[this.#times, this.#equity], [this.#times, this.#drawdowns()]];
  }

  #width() {
    return Math.max(200, this.box.clientWidth - 16);
  }

  #build() {
    this.#plots.forEach((plot) => plot.destroy());
    this.#plots = [];
    if (this.isEmpty) return;
    const { up, down } = colours();
    const looks = [
      { colour: () => (this.#equity.at(-1) >= this.#equity[0] ? up : down), values: (_u, ticks) => ticks.map((t) => money(t)), range: undefined, splits: undefined },
      { colour: () => down, values: (_u, ticks) => ticks.map((t) => percent(t, ticks[0] > -0.01 ? 2 : 1)), range: (_u, low) => [Math.min(low * 1.15, -0.001), 0], splits: (_u, _axis, low) => [low / 1.15, low / 2.3, 0] },
    ];
    this.#plots = looks.map((look, at) => new uPlot(this.#options(look, at), this.#data()[at], this.box));
  }

  #options({ colour, values, range, splits }, at) {
    const { muted, line } = colours();
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    return {
      width: this.#width(),
      height: HEIGHTS[at],
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: "equity" }, y: false, points: { size: 6 } },
      legend: { show: false },
      scales: { y: { range } },
      axes: [
        { ...axis, show: at === 1, size: 26, values: (_u, ticks) => ticks.map(timeTick), space: 80 },
        { ...axis, size: 78, values, splits, space: 30, gap: 6 },
      ],
      series: [{}, { stroke: colour, width: 1.5, fill: () => faint(colour(), 0.14), points: { show: (plot) => plot.data[0].length < 2 } }],
      hooks: at === 0 ? { setCursor: [(plot) => this.#tell(plot.cursor.idx)] } : {},
    };
  }

  #tell(at) {
    const index = at ?? this.#times.length - 1;
    const when = at === null || at === undefined ? "" : `${moment(this.#times[index] * 1000)} · `;
    this.note.textContent = `${when}${money(this.#equity[index])} · drawdown ${percent(this.#drawdowns()[index], 2)}`;
  }
}
