// Words, dates and times. Another language is a file in `lang/` and an entry here and in `sw.js`.

import { keep, kept } from "./api.js";

export const LANGUAGES = { en: "English", da: "Dansk" };
const isLanguage = (name) => Object.hasOwn(LANGUAGES, name);
const ORDER = [kept("language", isLanguage), ...navigator.languages.map((tag) => tag.slice(0, 2)), "en"];

export let language = ORDER.find((name) => name && isLanguage(name));
let words = {};

export function choose(name) {
	language = name;
	keep("language", name);
	return load();
}

export async function load() {
	const read = (name) => fetch(`lang/${name}.json`).then((file) => file.json()).catch(() => {});
	words = Object.assign({}, ...(await Promise.all([...new Set(["en", language])].map(read))));
	document.documentElement.lang = language;
}

export const t = (key, values) => String(words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** The browser's own words are nobody's: what arrived was of another shape than expected. */
export const explain = (error) => words[error.message] ?? (error instanceof TypeError ? t("error.notOurs") : error.message);

const variety = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

export const hasDecimalComma = () => (0.5).toLocaleString(variety()).includes(",");

// Slow to make.
const made = {};
const once = (key, make) => (made[variety() + key] ??= make(variety()));

export const compare = (a, b) => once("", (tag) => new Intl.Collator(tag, { numeric: true })).compare(a, b);

/** What a search compares: without accents, also those that are letters of their own. */
export const plain = (text) =>
	text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[æœøßđłþð]/g, (letter) => ({ æ: "ae", œ: "oe", ø: "o", ß: "ss", đ: "d", ł: "l", þ: "th", ð: "d" })[letter]);

/** Whether all words of `wanted` begin somewhere in `name`, in any order. */
export const isFound = (name, wanted) => plain(wanted).split(/\s+/).every((word) => plain(name).includes(word));

// Times are the club's, wherever the viewer is, if the club has said where it is.

let zone;
export const setZone = (name) => (zone = name);

const format = (seconds, options) =>
	once(JSON.stringify(options), (tag) => new Intl.DateTimeFormat(tag, { timeZone: zone, ...options })).format(seconds * 1000);

const PARTS = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23", era: "short" };

/** Seconds that the zone's clocks are ahead of UTC. */
function offset(seconds, timeZone = zone) {
	const format = (made[timeZone] ??= new Intl.DateTimeFormat("en", { timeZone, ...PARTS }));
	const at = Object.fromEntries(format.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
	const date = new Date(0);
	date.setUTCFullYear(at.era === "BC" ? 1 - at.year : at.year, at.month - 1, at.day);
	return date.setUTCHours(at.hour, at.minute, at.second) / 1000 - seconds;
}

/** Seconds of a local time (`HH:MM`) so many days after a date (`YYYY-MM-DD`). What summer time skips is put after it. */
export function local(date, days = 0, time = "00:00") {
	const [year, month, day] = date.split("-").map(Number);
	const wall = new Date(0);
	wall.setUTCFullYear(year, month - 1, day + days);
	const seconds = wall.setUTCHours(...time.split(":").map(Number)) / 1000;
	const [before, after] = [offset(seconds - 86_400), offset(seconds + 86_400)];
	return offset(seconds - before) === before || offset(seconds - after) !== after ? seconds - before : seconds - after;
}

export function localParts(seconds) {
	const [date, time] = new Date((seconds + offset(seconds)) * 1000).toISOString().split("T");
	return { date, time: time.slice(0, 5) };
}

/** 0: Sunday. */
export const weekday = (seconds) => new Date((seconds + offset(seconds)) * 1000).getUTCDay();

const DAY = { weekday: "long", day: "numeric", month: "long" };
const TIME = { hour: "2-digit", minute: "2-digit" };
const now = () => Date.now() / 1000;

/** Of today and tomorrow, made anew once a minute; what is made for today only is forgotten then. */
let today = {};
function dates() {
	const minute = Math.floor(now() / 60);
	if (today.minute !== minute || today.zone !== zone || today.language !== language) {
		const { date } = localParts(minute * 60);
		const isSame = today.date === date && today.zone === zone && today.language === language;
		today = { minute, zone, language, date, tomorrow: localParts(local(date, 1)).date, days: isSame ? today.days : new Map() };
	}
	return today;
}

export function day(seconds) {
	const { date, days } = dates();
	if (!days.has(seconds)) days.set(seconds, format(seconds, localParts(seconds).date.slice(0, 4) === date.slice(0, 4) ? DAY : { ...DAY, year: "numeric" }));
	return days.get(seconds);
}

/** "Today", "Tomorrow", or nothing, of a date (`YYYY-MM-DD`). */
export function nearDay(wanted) {
	const { date, tomorrow } = dates();
	return wanted === date ? t("day.today") : wanted === tomorrow ? t("day.tomorrow") : "";
}

export const shortDay = (seconds) => format(seconds, { day: "numeric", month: "short" });
export const weekdayOf = (seconds) => format(seconds, { weekday: "short", day: "numeric", month: "short" });
export const time = (seconds) => format(seconds, TIME);
let here;
export const hereZone = () => (here ??= Intl.DateTimeFormat().resolvedOptions().timeZone);

/** The zone's name where the viewer's clock shows another time. */
const foreign = (seconds) => {
	if (!zone || offset(seconds) === offset(seconds, hereZone())) return "";
	return ` ${format(seconds, { ...TIME, timeZoneName: "short" }).replace(time(seconds), "").trim()}`;
};
export const times = (start, end) =>
	`${time(start)}–${localParts(start).date === localParts(end).date ? "" : `${shortDay(end)} `}${time(end)}${foreign(start)}`;
export const when = ({ start, end }) => `${day(start)} ${times(start, end)}`;
/** The time, and the day unless it is today. */
export const moment = (seconds) => (localParts(seconds).date === dates().date ? "" : `${day(seconds)} `) + time(seconds);
/** Sunday first, as `Date` counts. The epoch was a Thursday. */
export const weekdays = () => [...Array(7).keys()].map((n) => format((n + 3) * 86_400, { weekday: "long", timeZone: "UTC" }));
