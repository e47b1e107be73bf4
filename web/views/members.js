// Members, their roles and their login codes.

import { members } from "../club.js";
import { ask, field, form, frozen, openDialog, shut, worker } from "../dialog.js";
import { button, h } from "../dom.js";
import { t } from "../i18n.js";
import { act, redraw, replaceCode, request, state } from "../store.js";

let wanted = "";

export function draw() {
	const all = members(state.club);
	const shown = all.filter(({ name }) => name.toLowerCase().includes(wanted));
	const search = ({ target }) => {
		wanted = target.value.toLowerCase();
		redraw();
	};
	return [
		h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("members.title")), button(t("member.add"), addMember, { class: "primary" })),
		field(t("members.search"), h("input", { id: "search", type: "search", value: wanted, oninput: search })),
		h("p", { class: "hint" }, `${shown.length} / ${all.length}`),
		h("ul", { class: "list" }, shown.map(row)),
	];
}

function row(user) {
	const { user_id, name, role } = user;
	return h(
		"li",
		{ class: "card", id: `m-${user_id}` },
		h("span", null, h("b", null, name), " ", h("span", { class: "badge" }, t(`role.${role}`))),
		button(t("session.change"), () => changeMember(user), { "aria-label": `${t("session.change")}: ${name}` }),
	);
}

function memberForm({ name, role }, label, send) {
	const nameInput = h("input", { required: true, autocomplete: "off", value: name });
	const option = (value) => h("option", { value, selected: value === role }, t(`role.${value}`));
	const roleInput = h("select", null, ["Student", "Coach", "Admin"].map(option));
	const fields = [field(t("member.name"), nameInput), field(t("member.role"), roleInput)];
	return form(fields, label, () => frozen([nameInput, roleInput], () => send({ name: nameInput.value, role: roleInput.value })));
}

function addMember() {
	const id = crypto.randomUUID();
	const send = async (member) => {
		const { name, auth_token } = await act("admin_create_user", member, id);
		shut(dialog);
		openDialog(name, h("p", null, t("code.new")), codeToHandOut(name, auth_token));
		return t("member.added", { name });
	};
	const dialog = openDialog(t("member.add"), memberForm({ name: "" }, t("member.add"), send));
}

function changeMember(user) {
	const { user_id, name } = user;
	const place = h("div", { role: "status" });
	const show = worker(t("code.show"), async () => {
		place.replaceChildren(codeToHandOut(name, (await request("admin_show_auth_token", { user_id })).auth_token));
	});
	const asking = (key, work) => button(t(key), () => ask(t(key), t(`${key}.sure`, { name }), work), { class: "danger" });
	const replace = async () => {
		place.replaceChildren(codeToHandOut(name, await replaceCode(user_id)));
		return t("code.replaced");
	};
	const remove = async () => {
		await act("admin_delete_user", { user_id });
		shut(dialog);
		return t("member.removed", { name });
	};
	const save = async (member) => {
		await act("admin_update_user", { user_id, ...member });
		return t("member.changed", member);
	};
	const dialog = openDialog(
		name,
		memberForm(user, t("save"), save),
		h("h3", null, t("code.title")),
		place,
		show.place,
		h("div", { class: "actions" }, show.button, asking("code.replace", replace), asking("member.remove", remove)),
	);
}

/** The fragment is sent to no server. */
function codeToHandOut(name, code) {
	const url = `${location.href.split("#")[0]}#code=${code}`;
	const failed = ({ name }) => {
		// Sharing was given up.
		if (name !== "AbortError") throw new Error("code.failed");
	};
	const copy = (key, text) =>
		worker(t(key), () => navigator.clipboard.writeText(text).then(() => t("code.copied"), failed));
	const share = () => navigator.share({ title: "Dojang", text: t("code.invitation", { name }), url }).catch(failed);
	const ways = [copy("code.copy", code), copy("code.copyLink", url)];
	if (navigator.share) ways.push(worker(t("code.share"), share));
	return h(
		"div",
		{ class: "code" },
		h("output", { "aria-label": t("code.title") }, code),
		h("p", { class: "hint" }, t("code.hint")),
		h("div", { class: "actions" }, ways.map(({ button }) => button)),
		ways.map(({ place }) => place),
	);
}
