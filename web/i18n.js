// Words, dates and times in the reader's language. A club adds a language as one file in `lang/` and one
// line here; what that file lacks is shown in English.

export const LANGUAGES = { en: "English", da: "Dansk" };
const DEFAULT = "en";
const STORED = "language";

/** The language chosen here earlier, else the first one of the browser's that there is. */
export function preferred() {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wanted.find((language) => Object.hasOwn(LANGUAGES, language)) ?? DEFAULT;
}

export let language = preferred();
let words = {};

/** Remembers the choice. */
export function choose(chosen) {
  localStorage.setItem(STORED, chosen);
  language = chosen;
  return load();
}

/** Loads the words of the present language. */
export async function load() {
  const files = await Promise.all([...new Set([DEFAULT, language])].map(read));
  words = Object.assign({}, ...files);
  document.documentElement.lang = language;
}

async function read(name) {
  const answer = await fetch(`lang/${name}.json`).catch(() => null);
  return answer?.ok ? answer.json() : {};
}

/** The words for `key`, with `{name}` replaced from `values`. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** What went wrong, in words: the server's, translated where the language file knows them. */
export function explain(error) {
  if (error.key) return t(error.key);
  return words[`server: ${error.message}`] ?? error.message;
}

/** The browser's own variety of the language, for dates: en-GB rather than en. */
const tag = () => navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
const format = (options) => new Intl.DateTimeFormat(tag(), options);

/** `Tuesday 24 November`, with the year if it is another one. */
export function day(seconds) {
  const date = new Date(seconds * 1000);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format({ weekday: "long", day: "numeric", month: "long", year }).format(date);
}

/** `24 Nov`, or `24/11/2026` with `long`. */
export function shortDay(seconds, long) {
  return format(long ? { dateStyle: "short" } : { day: "numeric", month: "short" }).format(seconds * 1000);
}

/** `17:00`. */
export const time = (seconds) => format({ timeStyle: "short" }).format(seconds * 1000);

/** `17:00 – 18:30`. */
export const times = (start, end) =>
  format({ hour: "2-digit", minute: "2-digit" }).formatRange(start * 1000, end * 1000);

/** The weekdays' names, Sunday first, as `Date` counts them. */
export const weekdays = () =>
  [...Array(7).keys()].map((number) => format({ weekday: "long", timeZone: "UTC" }).format(Date.UTC(2023, 0, 1 + number)));
