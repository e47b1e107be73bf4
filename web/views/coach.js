// What coaches do with sessions: add, change, cancel, restore, delete, and take attendance.

import { localParts, members, weekly } from "../club.js";
import { ask, field, form, openDialog } from "../dialog.js";
import { h, problem } from "../dom.js";
import { day, explain, t, time, times } from "../i18n.js";
import { act, announce, run, state } from "../store.js";
import { takeAttendance } from "./attendance.js";

const WEEKS_MAX = 52;

export const addButton = () =>
  h("button", { type: "button", class: "primary", onclick: addSessions }, t("session.add"));

/** The buttons below a session. */
export function actions(session) {
  const { id, state: now, attendanceFrom, canTakeAttendance } = session;
  const key = `session ${id}`;
  const busy = String(state.busy.has(key));
  const button = (name, onclick, more) =>
    h("button", { type: "button", "aria-busy": busy, "aria-describedby": `t-${id}`, onclick, ...more }, t(`session.${name}`));
  const setState = (to, said) => () =>
    run(key, () => act("coach_update_training_session", { session_id: id, session_state: to }), t(said));
  return h(
    "div",
    { class: "coaching" },
    now !== "cancelled" && !canTakeAttendance && h("p", { class: "hint", id: `a-${id}` }, t("attendance.from", { time: time(attendanceFrom) })),
    h(
      "div",
      { class: "actions" },
      now !== "cancelled" &&
        button(now === "archived" ? "reattend" : "attend", () => takeAttendance(session), { class: "primary", disabled: !canTakeAttendance }),
      now === "scheduled" && button("change", () => changeSession(session)),
      now === "scheduled" && button("cancel", setState("cancelled", "session.cancelled")),
      now === "cancelled" && button("restore", setState("scheduled", "session.restored")),
      button("delete", () => deleteSession(session)),
    ),
    state.busy.has(key) && h("p", { class: "progress" }, t("busy")),
    problem(state.errors.get(key)),
  );
}

function deleteSession({ id, start, end }) {
  ask(t("session.delete"), `${day(start)} ${times(start, end)}`, t("session.delete"), async () => {
    await act("coach_update_training_session", { session_id: id, session_state: "deleted" });
    announce(t("session.deleted"));
  });
}

/** The inputs for a session; `known` fills them. */
function inputs(known) {
  const users = members(state.club);
  const me = state.people.find(({ user }) => user && user.role !== "Student");
  const coach = known.coachId ?? me?.user.user_id;
  // Those who coach come first, but anybody may.
  const order = [...users.filter(({ role }) => role !== "Student"), ...users.filter(({ role }) => role === "Student")];
  return {
    date: h("input", { type: "date", required: true, value: known.date }),
    from: h("input", { type: "time", required: true, value: known.from }),
    to: h("input", { type: "time", required: true, value: known.to }),
    coach: h(
      "select",
      { required: true },
      !state.club.users[coach] && h("option", { value: "" }, "–"),
      order.map(({ user_id, name }) => h("option", { value: user_id, selected: user_id === coach }, name)),
    ),
    comment: h("textarea", { rows: 2, value: known.comment ?? "" }),
  };
}

const fields = ({ date, from, to, coach, comment }) => [
  field(t("session.date"), date),
  h("div", { class: "row" }, field(t("session.start"), from), field(t("session.end"), to)),
  field(t("session.coachLabel"), coach),
  field(t("session.comment"), comment),
];

function changeSession(session) {
  const { date, time: from } = localParts(session.start);
  const { time: to } = localParts(session.end);
  const input = inputs({ ...session, date, from, to });
  const send = async () => {
    const [{ start, end }] = weekly(input.date.value, input.from.value, input.to.value, 1);
    await act("coach_update_training_session", { session_id: session.id, ...content(start, end, input) });
    announce(t("session.changed"));
  };
  openDialog(t("session.change"), form(fields(input), t("save"), send));
}

const content = (start, end, { coach, comment }) => ({
  start_time: start,
  end_time: end,
  coach: coach.value,
  comment: comment.value.trim(),
});

/**
 * Adds a session, or the same one every week. Where one fails, the dialog says which were made, and the
 * button goes on from there: the failed one is sent under the same operation id.
 */
function addSessions() {
  const input = inputs({ date: localParts(Date.now() / 1000).date, from: "18:00", to: "19:30" });
  const weeks = h("input", { type: "number", min: 1, max: WEEKS_MAX, required: true, value: 1 });
  const made = h("div", { class: "made", role: "status" });
  let plan;
  const send = async () => {
    plan ??= weekly(input.date.value, input.from.value, input.to.value, Number(weeks.value)).map((session) => ({
      ...session,
      operationId: crypto.randomUUID(),
    }));
    for (const session of plan.filter(({ isMade }) => !isMade)) {
      try {
        await act("coach_add_training_session", content(session.start, session.end, input), session.operationId);
      } catch (error) {
        if (!plan.some(({ isMade }) => isMade)) plan = undefined;
        throw new Error(plan ? t("weekly.failed", { day: day(session.start), error: explain(error) }) : explain(error));
      }
      session.isMade = true;
      if (plan.length > 1) showMade();
    }
    announce(t("session.added", { count: plan.length }));
  };
  const showMade = () => {
    // What is made is made: when it takes place can no longer be changed here.
    for (const fixed of [input.date, input.from, input.to, weeks]) fixed.disabled = true;
    const done = plan.filter(({ isMade }) => isMade);
    made.replaceChildren(
      h("p", null, t("weekly.made", { count: done.length, total: plan.length })),
      h("ul", null, done.map(({ start }) => h("li", null, day(start)))),
    );
  };
  openDialog(t("session.add"), form([...fields(input), field(t("weekly.weeks"), weeks), made], t("session.add"), send));
}
