// Words, dates and times. A club adds a language as a file in `lang/` and an entry here; what the file
// lacks is shown in English.

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

/** An error in words; the server's are translated if the language file has them. */
export const explain = ({ message }) => words[`server: ${message}`] ?? words[message] ?? message;

/** In the browser's variety of the language, such as en-GB. */
function format(seconds, options) {
	const tag = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
	return new Intl.DateTimeFormat(tag, options).format(seconds * 1000);
}

const DAY = { weekday: "long", day: "numeric", month: "long" };
const TIME = { hour: "2-digit", minute: "2-digit" };

export function day(seconds) {
	const isThisYear = new Date(seconds * 1000).getFullYear() === new Date().getFullYear();
	return format(seconds, isThisYear ? DAY : { ...DAY, year: "numeric" });
}

export const shortDay = (seconds) => format(seconds, { day: "numeric", month: "short" });
export const time = (seconds) => format(seconds, TIME);
export const times = (start, end) => `${time(start)}–${time(end)}`;
/** The time, and the day unless it is today. */
export const moment = (seconds) => (day(seconds) === day(Date.now() / 1000) ? "" : `${day(seconds)} `) + time(seconds);
/** Sunday first, as `Date` counts. The epoch was a Thursday. */
export const weekdays = () => [...Array(7).keys()].map((n) => format((n + 3) * 86_400, { weekday: "long", timeZone: "UTC" }));
