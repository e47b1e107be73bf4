// The history: has this member trained enough for the next grading?

import { csv, defaultPeriod, local, localParts, matrix } from "../club.js";
import { button, h, problem } from "../dom.js";
import { shortDay, t, weekdays } from "../i18n.js";
import { redraw, request, run, state } from "../store.js";

const KEY = "history";

let query;

export function draw() {
	if (!query) {
		query = { ...defaultPeriod(Date.now() / 1000), needed: 0 };
		queueMicrotask(search);
	}
	const table = query.found && matrix(state.club, query.found, query.weekday);
	return [
		h("h2", { tabindex: "-1" }, t("history.title")),
		filters(),
		state.busy.has(KEY) && h("p", { class: "loading" }, t("loading")),
		problem(state.errors.get(KEY)),
		table && (table.dates.length ? results(table) : h("p", null, t("history.none"))),
	];
}

function filters() {
	const field = (name, tag, properties, ...children) => {
		const change = ({ target }) => {
			query[name] = target.type === "date" ? target.value : target.value && Number(target.value);
			redraw();
		};
		const input = h(tag, { id: name, onchange: change, ...properties }, ...children);
		return h("div", { class: "field" }, h("label", { for: name }, t(`history.${name}`)), input);
	};
	const [sunday, ...days] = weekdays().map((name, number) => h("option", { value: number }, name));
	return h(
		"form",
		{ class: "card filters", onsubmit: search },
		field("from", "input", { type: "date", required: true, value: query.from }),
		field("to", "input", { type: "date", required: true, value: query.to }),
		field("weekday", "select", null, h("option", { value: "" }, t("history.everyDay")), days, sunday),
		field("needed", "input", { type: "number", min: 0, value: query.needed }),
		h("button", { class: "primary", "aria-busy": String(state.busy.has(KEY)) }, t("history.show")),
	);
}

function search(event) {
	event?.preventDefault();
	return run(KEY, async () => {
		const period = { start_time: local(query.from), end_time: local(query.to, 1) };
		query.found = undefined;
		query.found = await request("coach_get_historical_participation", period);
		return t("history.count", { count: Object.keys(query.found).length });
	});
}

const nameOf = ({ name }) => name ?? t("member.former");

function results({ dates, rows }) {
	const th = (scope, text) => h("th", { scope }, text);
	const isEnough = ({ total }) => query.needed > 0 && total >= query.needed;
	const attended = (was) => h("td", { class: "was" }, was && [h("span", { "aria-hidden": "true" }, "✓"), h("span", { class: "sr" }, t("answer.Yes"))]);
	const row = (row) =>
		h(
			"tr",
			null,
			th("row", nameOf(row)),
			h("td", { class: isEnough(row) ? "was" : "total" }, row.total, isEnough(row) && ` ${t("history.enough")}`),
			row.attended.map(attended),
		);
	return [
		h("div", { class: "bar" }, h("p", null, t("history.count", { count: dates.length })), button(t("history.csv"), () => download(dates, rows))),
		h(
			"div",
			{ class: "scroll", tabindex: "0", role: "region", "aria-label": t("history.title") },
			h(
				"table",
				null,
				h("thead", null, h("tr", null, th("col", t("member.name")), th("col", t("history.total")), dates.map(({ start }) => th("col", shortDay(start))))),
				h("tbody", null, rows.map(row)),
				h("tfoot", null, h("tr", null, th("row", t("history.present")), h("td"), dates.map(({ participants }) => h("td", null, participants.length)))),
			),
		),
	];
}

/** The mark in front tells spreadsheets that this is UTF-8. */
function download(dates, rows) {
	const head = dates.map(({ start }) => Object.values(localParts(start)).join(" "));
	const cells = rows.map((row) => [nameOf(row), row.total, ...row.attended.map(Number)]);
	const file = new Blob(["\ufeff", csv([[t("member.name"), t("history.total"), ...head], ...cells])], { type: "text/csv" });
	h("a", { href: URL.createObjectURL(file), download: `${query.from}_${query.to}.csv` }).click();
}
