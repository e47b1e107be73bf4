// The links of all members, or of those chosen, to copy or print.

import { members } from "../club.js";
import { field, handOut, openDialog, worker } from "../dialog.js";
import { button, h } from "../dom.js";
import { isFound, t } from "../i18n.js";
import { request, state } from "../store.js";
import { linkOf } from "./members.js";

/** Requests under way at once. */
const AT_ONCE = 4;

export function openInvitations() {
	const all = members(state.club);
	const boxes = all.map(() => h("input", { type: "checkbox", checked: true }));
	const ticks = all.map(({ name }, n) => h("label", { class: "tick" }, boxes[n], h("span", null, name)));
	const search = h("input", { type: "search", oninput: () => all.forEach(({ name }, n) => (ticks[n].hidden = !isFound(name, search.value))) });
	const set = (is) => () => boxes.forEach((box, n) => ticks[n].hidden || (box.checked = is));
	const place = h("div", { role: "status" });
	const codes = new Map();
	const make = async () => {
		const chosen = all.filter((_, n) => boxes[n].checked);
		const missing = chosen.filter(({ user_id }) => !codes.has(user_id));
		const next = async () => {
			for (let user = missing.pop(); user && place.isConnected; user = missing.pop()) {
				codes.set(user.user_id, (await request("admin_show_auth_token", { user_id: user.user_id })).auth_token);
				place.replaceChildren(t("invitations.fetched", { count: chosen.length - missing.length, total: chosen.length }));
			}
		};
		await Promise.all(Array.from(Array(AT_ONCE), next));
		show(chosen.map(({ name, user_id }) => ({ name, url: linkOf(codes.get(user_id)) })));
	};
	const show = (list) => {
		const text = () => list.map(({ name, url }) => `${name}: ${url}`).join("\n");
		openDialog(
			t("invitations.title", { count: list.length }),
			h("p", { class: "hint" }, t("code.hint")),
			handOut([[t("invitations.copy"), text]], {}),
			h("div", { class: "actions" }, button(t("print"), () => print())),
			h("ul", { class: "links" }, list.map(({ name, url }) => h("li", null, h("b", null, name), " ", h("span", null, url)))),
		);
	};
	const go = worker(t("invitations.make"), make, { class: "primary" });
	openDialog(
		t("invitations.all"),
		field(t("members.search"), search),
		h("div", { class: "actions" }, button(t("choose.all"), set(true)), button(t("choose.none"), set(false))),
		h("fieldset", null, h("legend", null, t("invitations.who")), ticks),
		place,
		go.place,
		h("div", { class: "actions bottom" }, go.button),
	).kept = " ";
}
