// Taking attendance: who of the members was there.

import { attendanceList } from "../club.js";
import { form, openDialog } from "../dialog.js";
import { h, problem } from "../dom.js";
import { day, explain, t, times } from "../i18n.js";
import { act, announce, clubOnScreen, request } from "../store.js";

/** Opens the list of members; where attendance has been taken before, with those who were recorded. */
export async function takeAttendance(session) {
  const list = h("div", { "aria-live": "polite" }, h("p", { class: "loading" }, t("loading")));
  const title = t(session.state === "archived" ? "session.reattend" : "session.attend");
  openDialog(title, h("p", { class: "hint" }, `${day(session.start)} ${times(session.start, session.end)}`), list);
  try {
    const recorded = session.state === "archived" ? await recordedBefore(session) : undefined;
    list.replaceChildren(attendanceForm(session, recorded));
  } catch (error) {
    list.replaceChildren(problem(explain(error)));
  }
}

async function recordedBefore({ id, start }) {
  const period = { start_time: start, end_time: start + 1 };
  const history = await request("coach_get_historical_participation", period);
  return history[id]?.participants;
}

function attendanceForm(session, recorded) {
  const boxes = attendanceList(clubOnScreen(), session, recorded).map(({ user_id, name, answer, ticked }) => {
    const box = h("input", { type: "checkbox", value: user_id, checked: ticked, onchange: () => count() });
    return { box, label: h("label", { class: "tick" }, box, h("span", null, name), answer && h("span", { class: `said ${answer}` }, t(`answer.${answer}`))) };
  });
  const total = h("p", { role: "status" });
  const ticked = () => boxes.map(({ box }) => box).filter(({ checked }) => checked);
  const count = () => total.replaceChildren(t("attendance.count", { count: ticked().length, total: boxes.length }));
  count();
  const ticks = h("fieldset", null, h("legend", null, t("attendance.who")), boxes.map(({ label }) => label));
  return form([ticks, total], t("save"), async () => {
    const participants = ticked().map(({ value }) => value);
    await act("coach_register_participation", { session_id: session.id, participants });
    announce(t("attendance.saved", { count: participants.length }));
  });
}
