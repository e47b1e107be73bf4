// Has this member trained enough for the next grading?

import { keep, kept } from "../api.js";
import { csv, defaultPeriod, matrix, recorded } from "../club.js";
import { button, h, once, problem, saveFile } from "../dom.js";
import { hasDecimalComma, language, local, localParts, shortDay, t, weekdays } from "../i18n.js";
import { redraw, request, run, state } from "../store.js";

const KEY = "history";
/** The function knows no older history. */
const EARLIEST = "2023-11-16";

let query;

export function draw() {
	query ??= { ...defaultPeriod(Date.now() / 1000), needed: 0 };
	// Not yet on screen. Attendance may have been taken since.
	if (!document.getElementById("needed")) queueMicrotask(search);
	const { found, weekday, needed } = query;
	const table = found && once("found", [found, state.club.users, weekday, needed, language], () => h("div", { id: "found" }, shown(matrix(state.club, found, weekday))));
	return [
		h("h2", { tabindex: "-1" }, t("history.title")),
		filters(),
		state.busy.has(KEY) && h("p", { class: "loading" }, t("busy")),
		problem(state.errors.get(KEY)),
		table,
	];
}

const shown = (table) => (table.dates.length ? results(table) : h("p", null, t("history.none")));

function filters() {
	const field = (name, tag, properties, ...children) => {
		const change = ({ target }) => {
			if (!target.checkValidity()) return;
			query[name] = target.type === "date" ? target.value : target.value === "" ? undefined : Number(target.value);
			redraw();
		};
		const input = h(tag, { id: name, onchange: change, ...properties }, ...children);
		return h("div", { class: "field" }, h("label", { for: name }, t(`history.${name}`)), input);
	};
	const [sunday, ...days] = weekdays().map((name, number) => h("option", { value: number }, name));
	return h(
		"form",
		{ class: "card filters", onsubmit: search },
		field("from", "input", { type: "date", required: true, min: EARLIEST, value: query.from }),
		field("to", "input", { type: "date", required: true, min: query.from, value: query.to }),
		field("weekday", "select", null, h("option", { value: "" }, t("history.everyDay")), days, sunday),
		field("needed", "input", { type: "number", min: 0, value: query.needed }),
		h("button", { class: "primary", "aria-busy": String(state.busy.has(KEY)) }, t("history.show")),
	);
}

function search(event) {
	event?.preventDefault();
	// Valid by now, if not when it was typed: From was later.
	if (event) query.to = event.target.to.value;
	return run(KEY, async () => {
		const { from, to } = query;
		const period = { start_time: local(from), end_time: local(to, 1) };
		query.found = undefined;
		query.found = await request("coach_get_historical_participation", period);
		query.file = `${from}_${to}.csv`;
		return t("history.count", { count: recorded(query.found).length });
	});
}

const nameOf = ({ name }) => name ?? t("member.former");

function results({ dates, rows }) {
	const th = (scope, text) => h("th", { scope }, text);
	const line = (cells) => h("tr", null, cells.flat());
	const isEnough = ({ total }) => query.needed > 0 && total >= query.needed;
	const attended = (was) => h("td", { class: "was" }, was && [h("span", { "aria-hidden": "true" }, "✓"), h("span", { class: "sr" }, t("answer.Yes"))]);
	const total = (row) => h("td", { class: isEnough(row) ? "was" : "total" }, row.total, isEnough(row) && ` ${t("history.enough")}`);
	const row = (row) => line([th("row", nameOf(row)), total(row), row.attended.map(attended)]);
	const head = [th("col", t("member.name")), th("col", t("history.total")), dates.map(({ start }) => th("col", shortDay(start)))];
	const foot = [th("row", t("history.present")), h("td"), dates.map(({ participants }) => h("td", null, participants.size))];
	return [
		h("div", { class: "bar" }, h("p", null, t("history.count", { count: dates.length })), h("div", { class: "actions" }, separators(), button(t("history.csv"), () => download(dates, rows)), button(t("print"), () => print()))),
		h(
			"div",
			{ class: "scroll", tabindex: "0", role: "region", "aria-label": t("history.title") },
			h("table", null, h("thead", null, line(head)), h("tbody", null, rows.map(row)), h("tfoot", null, line(foot))),
		),
	];
}

const SEPARATORS = { ";": "history.semicolon", ",": "history.comma", "\t": "history.tab" };
const separator = () => kept("separator", (value) => Object.hasOwn(SEPARATORS, value)) ?? (hasDecimalComma() ? ";" : ",");

/** What one's spreadsheet expects is remembered. */
const separators = () =>
	h("select", { "aria-label": t("history.separator"), onchange: ({ target }) => keep("separator", target.value) }, Object.entries(SEPARATORS).map(([value, key]) => h("option", { value, selected: value === separator() }, t(key))));

/** The mark in front means UTF-8. */
function download(dates, rows) {
	const head = dates.map(({ start }) => Object.values(localParts(start)).join(" "));
	const cells = rows.map((row) => [nameOf(row), row.total, ...row.attended.map(Number)]);
	saveFile(query.file, "text/csv", "\ufeff", csv([[t("member.name"), t("history.total"), ...head], ...cells], separator()));
}
