// Numbers and times for people. Amounts arrive as exact decimal text; they are rounded here, for the eye only.

const numbers = new Map();
const QUOTES = ["USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY"];
export const NONE = "–";
export const INTERVAL_S = {
  "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400,
  "6h": 21600, "8h": 28800, "12h": 43200, "1d": 86400, "3d": 259200, "1w": 604800, "1M": 2592000,
};

function formatter(least, most) {
  const key = `${least}:${most}`;
  if (!numbers.has(key)) {
    numbers.set(key, new Intl.NumberFormat(undefined, { minimumFractionDigits: least, maximumFractionDigits: most, signDisplay: "negative" }));
  }
  return numbers.get(key);
}

const isNumber = (value) => value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));

/** An amount of quote money: two decimals, more when it is tiny. */
export function money(value) {
  if (!isNumber(value)) return NONE;
  const number = Number(value);
  const tiny = number !== 0 && Math.abs(number) < 0.01;
  return formatter(2, tiny ? 6 : 2).format(number === 0 ? 0 : number).replace("-", "−");
}

/** An amount with its sign. */
export function signed(value) {
  const text = money(value);
  return Number(value) > 0 ? `+${text}` : text;
}

/** "up", "down" or nothing, for colours. */
export function direction(value) {
  if (!isNumber(value) || Number(value) === 0) return "";
  return Number(value) > 0 ? "up" : "down";
}

/** How many decimals a price of this size needs. */
export function priceDecimals(value) {
  const size = Math.abs(Number(value));
  if (!size) return 2;
  if (size >= 100) return 2;
  if (size >= 1) return 4;
  return Math.min(8, 5 - Math.floor(Math.log10(size)) - 1);
}

/** A price. */
export function price(value) {
  if (!isNumber(value)) return NONE;
  const decimals = priceDecimals(value);
  return formatter(decimals, decimals).format(Number(value));
}

/** A quantity to glance at: five significant digits. */
export const brief = (value) =>
  isNumber(value) ? Number(value).toLocaleString(undefined, { maximumSignificantDigits: 5 }).replace("-", "−") : NONE;

/** A quantity: all its decimals, up to eight. */
export const quantity = (value) => (isNumber(value) ? formatter(0, 8).format(Number(value)).replace("-", "−") : NONE);

/** A fraction as per cent. */
export const percent = (value, decimals = 1) => (isNumber(value) ? `${formatter(decimals, decimals).format(Number(value) * 100).replace("-", "−")} %` : NONE);

/** A ratio with two decimals. */
export const ratio = (value) => (isNumber(value) ? formatter(2, 2).format(Number(value)) : NONE);

/** The quote asset of a symbol, or nothing when it is not a common one. */
export const quoteOf = (symbol) => QUOTES.find((quote) => symbol.endsWith(quote) && symbol !== quote) ?? "";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const date = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short" });

/** The time of day in the person's zone. */
export const timeOfDay = (ms) => clock.format(ms);

/** The day in the person's zone, without the year: the tooltip has it. */
export const dayOf = (ms) => date.format(ms);

/** Day and time in the person's zone; the day is left out when it is today. */
export function moment(ms) {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return isToday ? clock.format(ms) : `${date.format(ms)} ${clock.format(ms)}`;
}

/** The same moment in UTC, for the tooltip. */
export const utc = (ms) => `${new Date(ms).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** A length of time in its largest sensible unit. */
export function span(seconds) {
  if (!isNumber(seconds)) return NONE;
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

/** Seconds after which figures of a strategy count as stale: one missed candle and some. */
export const staleAfter = (interval) => Math.max(30, 1.5 * (INTERVAL_S[interval] ?? 60) + 15);
