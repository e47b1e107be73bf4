// The coming sessions, who comes, and the answers of those on this phone.

import { ANSWERS, sessions } from "../club.js";
import { h, problem } from "../dom.js";
import { day, t, time, times } from "../i18n.js";
import { answer, clubOnScreen, state } from "../store.js";

/** `coaching` (the module `coach.js`) adds what coaches do; `undefined` for everybody else. */
export function sessionsView(coaching) {
  const { coming, past } = sessions(clubOnScreen(), Date.now() / 1000);
  const me = state.people.filter(({ user }) => user);
  return [
    h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("sessions.title")), coaching?.addButton()),
    me.length === 0 && h("p", { class: "hint" }, h("a", { href: "#people" }, t("login.title")), " ", t("sessions.login")),
    coming.length === 0 && h("p", null, t("sessions.none")),
    h("div", { class: "cards", id: "coming" }, coming.map((session) => card(session, me, coaching))),
    coaching && past.length > 0 && h("h2", null, t("sessions.past")),
    coaching && h("div", { class: "cards", id: "past" }, past.reverse().map((session) => card(session, [], coaching))),
  ];
}

function card(session, me, coaching) {
  const { id, start, end, coach, comment, who } = session;
  const title = `t-${id}`;
  return h(
    "article",
    { id: `s-${id}`, class: `card ${session.state}`, "aria-labelledby": title },
    h(
      "h3",
      { id: title },
      h("time", { datetime: new Date(start * 1000).toISOString() }, h("span", null, day(start)), " ", h("b", null, times(start, end))),
      " ",
      session.state !== "scheduled" && h("span", { class: "badge" }, t(`state.${session.state}`)),
    ),
    h("p", { class: "coach" }, t("session.coach", { name: coach ?? t("member.former") })),
    comment && h("p", { class: "comment" }, comment),
    me.map((person) => answerButtons(session, person)),
    h("dl", { class: "who" }, who.map((group) => whoComes(group))),
    coaching?.actions(session),
  );
}

function whoComes({ answer, names }) {
  return h(
    "div",
    { class: answer },
    h("dt", null, t(`answer.${answer}`), " ", h("b", null, names.length)),
    h("dd", null, names.join(", ") || "–"),
  );
}

function answerButtons(session, person) {
  const { user } = person;
  const key = `${session.id} ${user.user_id}`;
  const chosen = session.answers[user.user_id];
  const name = `n-${session.id}-${user.user_id}`;
  const button = (value) =>
    h(
      "button",
      {
        type: "button",
        class: value,
        "aria-pressed": String(chosen === value),
        onclick: () => answer(person, session.id, value),
      },
      t(`answer.${value}`),
    );
  return h(
    "div",
    { class: "answer", role: "group", "aria-labelledby": name, "aria-busy": String(state.pending.has(key)) },
    h("span", { id: name, class: "name" }, user.name),
    h("span", { class: "progress" }, state.pending.has(key) && t("busy")),
    h(
      "div",
      { class: "choices" },
      ANSWERS.map(button),
      h(
        "button",
        { type: "button", class: "back", disabled: !chosen, onclick: () => answer(person, session.id, null) },
        t("answer.back"),
      ),
    ),
    problem(state.errors.get(key)),
  );
}

/** `17:00`, of today, or a day and time. */
export const clock = (ms) =>
  new Date(ms).toDateString() === new Date().toDateString() ? time(ms / 1000) : `${day(ms / 1000)} ${time(ms / 1000)}`;
