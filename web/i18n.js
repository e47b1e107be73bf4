// Words, dates and times. Another language is a file in `lang/` and an entry here and in `sw.js`.

export const LANGUAGES = { en: "English", da: "Dansk" };
const ORDER = [localStorage.language, ...navigator.languages.map((tag) => tag.slice(0, 2)), "en"];

export let language = ORDER.find((name) => Object.hasOwn(LANGUAGES, name));
let words = {};

export function choose(name) {
	localStorage.language = language = name;
	return load();
}

export async function load() {
	const read = (name) => fetch(`lang/${name}.json`).then((file) => file.json()).catch(() => {});
	words = Object.assign({}, ...(await Promise.all([...new Set(["en", language])].map(read))));
	document.documentElement.lang = language;
}

export const t = (key, values) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const explain = ({ message }) => words[message] ?? message;

const variety = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

export const hasDecimalComma = () => (0.5).toLocaleString(variety()).includes(",");

// Slow to make.
const formats = {};

function format(seconds, options) {
	const key = variety() + JSON.stringify(options);
	formats[key] ??= new Intl.DateTimeFormat(variety(), options);
	return formats[key].format(seconds * 1000);
}

const DAY = { weekday: "long", day: "numeric", month: "long" };
const TIME = { hour: "2-digit", minute: "2-digit" };

export function day(seconds) {
	const isThisYear = new Date(seconds * 1000).getFullYear() === new Date().getFullYear();
	return format(seconds, isThisYear ? DAY : { ...DAY, year: "numeric" });
}

export const shortDay = (seconds) => format(seconds, { day: "numeric", month: "short" });
export const time = (seconds) => format(seconds, TIME);
export const times = (start, end) => `${time(start)}–${day(start) === day(end) ? "" : `${shortDay(end)} `}${time(end)}`;
/** The time, and the day unless it is today. */
export const moment = (seconds) => (day(seconds) === day(Date.now() / 1000) ? "" : `${day(seconds)} `) + time(seconds);
/** Sunday first, as `Date` counts. The epoch was a Thursday. */
export const weekdays = () => [...Array(7).keys()].map((n) => format((n + 3) * 86_400, { weekday: "long", timeZone: "UTC" }));
