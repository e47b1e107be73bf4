// Admins' part: members, their roles and their login codes.

import { members } from "../club.js";
import { ask, field, form, openDialog, workButton } from "../dialog.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { act, announce, redraw, replaceCode, request, state } from "../store.js";

const ROLES = ["Student", "Coach", "Admin"];
const NAME = { required: true, autocomplete: "off" };

let wanted = "";

export function membersView() {
  const all = members(state.club);
  const shown = all.filter(({ name }) => name.toLowerCase().includes(wanted));
  const search = ({ target }) => {
    wanted = target.value.toLowerCase();
    redraw();
  };
  return [
    h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("members.title")), h("button", { type: "button", class: "primary", onclick: addMember }, t("member.add"))),
    h("div", { class: "field" }, h("label", { for: "search" }, t("members.search")), h("input", { id: "search", type: "search", oninput: search })),
    h("p", { class: "hint" }, t("members.count", { count: shown.length, total: all.length })),
    h("ul", { class: "list" }, shown.map(row)),
  ];
}

function row(user) {
  const label = `${t("member.change")}: ${user.name}`;
  return h(
    "li",
    { class: "card", id: `m-${user.user_id}` },
    h("span", null, h("b", null, user.name), " ", h("span", { class: `badge ${user.role}` }, t(`role.${user.role}`))),
    h("button", { type: "button", "aria-label": label, onclick: () => changeMember(user) }, t("member.change")),
  );
}

const roleInput = (role) =>
  h("select", null, ROLES.map((other) => h("option", { value: other, selected: other === role }, t(`role.${other}`))));

function addMember() {
  const name = h("input", NAME);
  const role = roleInput("Student");
  const send = async () => {
    const user = await act("admin_create_user", { name: name.value, role: role.value });
    announce(t("member.added", { name: user.name }));
    openDialog(user.name, h("p", null, t("code.new")), code(user.name, user.auth_token));
  };
  openDialog(t("member.add"), form([field(t("member.name"), name), field(t("member.role"), role)], t("member.add"), send));
}

function changeMember({ user_id, name: oldName, role: oldRole }) {
  const name = h("input", { ...NAME, value: oldName });
  const role = roleInput(oldRole);
  const save = async () => {
    await act("admin_update_user", { user_id, name: name.value, role: role.value });
    announce(t("member.changed", { name: name.value }));
  };
  const place = h("div", { "aria-live": "polite" });
  const show = workButton(t("code.show"), async () => {
    const { auth_token } = await request("admin_show_auth_token", { user_id });
    place.replaceChildren(code(oldName, auth_token));
  });
  const replace = async () => {
    place.replaceChildren(code(oldName, await replaceCode(user_id)));
    announce(t("code.replaced"));
  };
  const remove = async () => {
    await act("admin_delete_user", { user_id });
    dialog.close();
    announce(t("member.removed", { name: oldName }));
  };
  const asking = (key, work) =>
    h("button", { type: "button", class: "danger", onclick: () => ask(t(key), t(`${key}.sure`, { name: oldName }), t(key), work) }, t(key));
  const dialog = openDialog(
    oldName,
    form([field(t("member.name"), name), field(t("member.role"), role)], t("save"), save),
    h("h3", null, t("code.title")),
    place,
    show.place,
    h("div", { class: "actions" }, show.button, asking("code.replace", replace)),
    h("h3", null, t("member.remove")),
    h("div", { class: "actions" }, asking("member.remove", remove)),
  );
}

/** A login code, and ways to hand it out. The link has it in the fragment, which is sent to no server. */
function code(name, token) {
  const link = new URL(`#code=${encodeURIComponent(token)}`, location.href.split("#")[0]).href;
  const copy = (label, text) =>
    workButton(t(label), async () => {
      await navigator.clipboard.writeText(text).catch(() => {
        throw new Error(t("code.notCopied"));
      });
      announce(t("code.copied"));
    });
  const share = workButton(t("code.share"), () =>
    navigator.share({ title: "Dojang", text: t("code.invitation", { name }), url: link }).catch((error) => {
      // Whoever changes their mind has no problem.
      if (error.name !== "AbortError") throw new Error(t("code.notShared"));
    }),
  );
  const buttons = [copy("code.copy", token), copy("code.copyLink", link), ...(navigator.share ? [share] : [])];
  return h(
    "div",
    { class: "code" },
    h("output", { "aria-label": t("code.title") }, token),
    h("p", { class: "hint" }, t("code.hint")),
    h("div", { class: "actions" }, buttons.map(({ button }) => button)),
    buttons.map(({ place }) => place),
  );
}
