// Net P&L of each strategy as bars (Chart.js).

import { colours, faint, onTheme } from "./theme-colours.js";
import { money, signed } from "./format.js";

const MOST = 24;

/** Draws bars into a canvas; `show(rows)` takes strategies of the API. */
export class Bars {
  #chart = null;
  #rows = [];

  constructor(canvas, note) {
    this.canvas = canvas;
    this.note = note;
    onTheme(() => this.#build());
  }

  /** Show the strategies with the largest gains and losses, best first. */
  show(rows) {
    const bySize = [...rows].sort((a, b) => Math.abs(b.kpis.pnl) - Math.abs(a.kpis.pnl)).slice(0, MOST);
    this.#rows = bySize.sort((a, b) => b.kpis.pnl - a.kpis.pnl);
    this.note.textContent = rows.length > MOST ? `the ${MOST} largest of ${rows.length}` : "";
    if (!this.#chart) this.#build();
    else this.#refresh();
  }

  #refresh() {
    const { up, down } = colours();
    const data = this.#chart.data;
    data.labels = this.#rows.map((row) => row.title);
    const [set] = data.datasets;
    set.data = this.#rows.map((row) => Number(row.kpis.pnl));
    set.backgroundColor = set.data.map((pnl) => faint(pnl >= 0 ? up : down, 0.78));
    set.hoverBackgroundColor = set.data.map((pnl) => (pnl >= 0 ? up : down));
    this.#chart.update("none");
  }

  #build() {
    this.#chart?.destroy();
    const { muted, line, text, panel } = colours();
    const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
    this.#chart = new Chart(this.canvas, {
      type: "bar",
      data: { labels: [], datasets: [{ data: [], borderRadius: 3, maxBarThickness: 38, minBarLength: 2 }] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        onClick: (_event, [hit]) => hit && location.assign(`/strategies/${this.#rows[hit.index].id}`),
        scales: {
          x: { grid: { display: false }, border: { display: false }, ticks: { color: muted, font, maxRotation: 0, autoSkip: false, callback: (_v, at) => this.#label(at) } },
          y: { grid: { color: line }, border: { display: false }, ticks: { color: muted, font, maxTicksLimit: 6, callback: (v) => money(v).replace(/\.00$/, "") } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            backgroundColor: panel, titleColor: text, bodyColor: text, borderColor: line, borderWidth: 1, displayColors: false, padding: 10,
            callbacks: { label: (item) => this.#hint(this.#rows[item.dataIndex]) },
          },
        },
      },
    });
    this.#refresh();
  }

  #label(at) {
    const room = Math.max(4, Math.floor((this.canvas.clientWidth - 60) / this.#rows.length / 6.2));
    if (this.#rows.length > 14 && at % 2) return "";
    const title = this.#rows[at]?.title ?? "";
    return title.length > room ? `${title.slice(0, room - 1)}…` : title;
  }

  #hint(row) {
    return [`net ${signed(row.kpis.pnl)}`, `fees ${money(row.kpis.fees)}`, `${row.kpis.closed_trades} round trips`];
  }
}
