// Changes of a weekly session and all that follow it.

import { following } from "../club.js";
import { form, frozen, openDialog, worker } from "../dialog.js";
import { h } from "../dom.js";
import { day, t } from "../i18n.js";
import { clubOnScreen, request } from "../store.js";
import { inputs, partsOfTimes, several, WEEKS_MAX } from "./coach.js";

const all = (session) => [session, ...following(clubOnScreen(), session)].slice(0, WEEKS_MAX);

const which = (list) => h("p", { class: "hint" }, t("series.which", { count: list.length, first: day(list[0].start), last: day(list.at(-1).start) }));

/** Moved by as many days, to the same times of day; each keeps its comment unless that was changed, too. */
export function changeFollowing(session) {
	const list = all(session);
	const input = inputs(partsOfTimes(session));
	const each = (one, id) => {
		const content = input.content(input.moved(one));
		const comment = content.comment === session.comment.trim() ? one.comment : content.comment;
		return request("coach_update_training_session", { session_id: one.id, ...content, comment }, id);
	};
	const { made, work } = several(() => list, each, "series.done");
	openDialog(t("series.change"), which(list), form([input.fields, made].flat().filter(Boolean), t("save"), () => frozen(input.all, work)));
}

export function cancelFollowing(session) {
	const list = all(session);
	const each = (one, id) => request("coach_update_training_session", { session_id: one.id, session_state: "cancelled" }, id);
	const { made, work } = several(() => list, each, "series.done");
	const sure = worker(t("series.cancel"), work, { closes: true, class: "danger" });
	openDialog(t("series.cancel"), which(list), made, sure.place, h("div", { class: "actions" }, sure.button));
}
