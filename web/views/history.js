// The history: has this member trained enough for the next grading?

import { csv, dayStart, defaultPeriod, localParts, matrix } from "../club.js";
import { h, problem } from "../dom.js";
import { shortDay, t, time, weekdays } from "../i18n.js";
import { redraw, request, run, state } from "../store.js";

const KEY = "history";

/** What is asked for, and `found` once there is an answer for it. */
let query;

export function historyView() {
  if (!query) {
    query = { ...defaultPeriod(Date.now() / 1000), weekday: undefined, needed: 0, found: undefined };
    queueMicrotask(search);
  }
  const table = query.found && matrix(state.club, query.found, query.weekday);
  return [
    h("h2", { tabindex: "-1" }, t("history.title")),
    filters(),
    state.busy.has(KEY) && h("p", { class: "progress" }, t("loading")),
    problem(state.errors.get(KEY)),
    table && (table.dates.length ? h("div", { class: "results" }, summary(table), grid(table)) : h("p", null, t("history.none"))),
  ];
}

function filters() {
  const set = (name, parse = (value) => value) => ({ target }) => {
    query[name] = parse(target.value);
    redraw();
  };
  const input = (name, label, properties) =>
    h("div", { class: "field" }, h("label", { for: `h-${name}` }, label), h("input", { id: `h-${name}`, ...properties }));
  const days = weekdays().map((name, number) => h("option", { value: number }, name));
  return h(
    "form",
    { class: "card filters", onsubmit: search },
    input("from", t("history.from"), { type: "date", required: true, value: query.from, onchange: set("from") }),
    input("to", t("history.to"), { type: "date", required: true, value: query.to, onchange: set("to") }),
    h(
      "div",
      { class: "field" },
      h("label", { for: "h-weekday" }, t("history.weekday")),
      h(
        "select",
        { id: "h-weekday", onchange: set("weekday", (value) => (value === "" ? undefined : Number(value))) },
        h("option", { value: "" }, t("history.everyDay")),
        // Monday first.
        [...days.slice(1), days[0]],
      ),
    ),
    input("needed", t("history.needed"), { type: "number", min: 0, max: 999, value: query.needed, oninput: set("needed", Number) }),
    h("button", { class: "primary", "aria-busy": String(state.busy.has(KEY)) }, t("history.show")),
  );
}

function search(event) {
  event?.preventDefault();
  return run(
    KEY,
    async () => {
      const period = { start_time: dayStart(query.from), end_time: dayStart(query.to, 1) };
      query.found = undefined;
      query.found = await request("coach_get_historical_participation", period);
    },
    t("history.loaded"),
  );
}

function summary(table) {
  return h(
    "div",
    { class: "bar" },
    h("p", null, t("history.count", { count: table.dates.length })),
    h("button", { type: "button", onclick: () => download(table) }, t("history.csv")),
  );
}

const nameOf = ({ name }) => name ?? t("member.former");

function grid({ dates, rows, totals }) {
  const tick = (was) => h("td", { class: was ? "was" : null }, was ? "✓" : "", was && h("span", { class: "sr" }, t("yes")));
  const enough = ({ total }) => query.needed > 0 && total >= query.needed;
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": t("history.title") },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("th", { scope: "col" }, t("member.name")),
          h("th", { scope: "col" }, t("history.total")),
          dates.map(({ start }) => h("th", { scope: "col" }, shortDay(start))),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            { class: enough(row) ? "enough" : null },
            h("th", { scope: "row" }, nameOf(row)),
            h("td", { class: "total" }, row.total, enough(row) && h("span", { class: "badge" }, t("history.enough"))),
            row.attended.map(tick),
          ),
        ),
      ),
      h("tfoot", null, h("tr", null, h("th", { scope: "row" }, t("history.present")), h("td", null), totals.map((total) => h("td", null, total)))),
    ),
  );
}

/** One row per member, one column per date. The mark lets spreadsheets know that this is UTF-8. */
function download({ dates, rows }) {
  const when = ({ start }) => `${localParts(start).date} ${time(start)}`;
  const cells = [
    [t("member.name"), t("history.total"), ...dates.map(when)],
    ...rows.map((row) => [nameOf(row), row.total, ...row.attended.map(Number)]),
  ];
  const url = URL.createObjectURL(new Blob(["\ufeff", csv(cells)], { type: "text/csv" }));
  h("a", { href: url, download: `${query.from}_${query.to}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
