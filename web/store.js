// The page's state and all that changes it.

import { config, fetchClub, firstClub, forget, keep, kept, post } from "./api.js";
import { checked, resort, withAnswer } from "./club.js";
import { choose, explain, setZone, t } from "./i18n.js";

const TOAST_MS = 6_000;
const UNDO_MS = 12_000;
/** What dates can show. */
const AS_OF_MAX = 1e14;

export const state = {
	club: null,
	asOf: 0,
	/** Why the newest is not on screen: a key of the language files. */
	trouble: "",
	/** What the club says about itself. */
	about: { name: "Dojang" },
	/** On this phone: `code`, `user` if it is known, else `last` as it was known, if ever. */
	people: [],
	/** Login codes last for this visit: the browser keeps nothing. */
	isForVisit: false,
	/** By what caused them. */
	busy: new Set(),
	errors: new Map(),
};

/** Answers that are not sent yet, by operation id: `sessions` (answer by id), `users` (ids), `isWaiting` for the network. */
export const outbox = new Map();

export let redraw = () => {};
/** What is done once the newest club is on screen. */
let whenFresh = () => {};

const isLastKnown = ({ club, asOf }) => checked(club) && Math.abs(asOf) < AS_OF_MAX;

export async function start(draw, dress, fresh) {
	redraw = draw;
	whenFresh = fresh;
	state.about = await config().catch(() => state.about);
	setZone(state.about.timeZone);
	dress();
	const last = kept("lastKnown", isLastKnown);
	if (last) Object.assign(state, { club: checked(last.club), asOf: last.asOf });
	await identify();
	await refresh(firstClub);
}

/** What is to be shown cannot be drawn: it is forgotten, and the page says so. */
export function forgetClub() {
	forget("lastKnown");
	Object.assign(state, { club: null, trouble: "error.draw" });
}

export async function chooseLanguage(name) {
	await choose(name);
	if (state.club) resort(state.club);
	redraw();
}

/** Says `text`; an open dialog has its own live region, as the rest is inert. `undo` can be had for a while. */
export function announce(text, undo) {
	const all = [...document.querySelectorAll(".status")];
	for (const old of all) old.replaceChildren();
	const place = all.pop();
	if (text) place.append(text);
	if (undo) place.append(Object.assign(document.createElement("button"), { textContent: t("undo"), onclick: () => announce(undo() && "") }));
	clearTimeout(announce.timer);
	if (text) announce.timer = setTimeout(announce, undo ? UNDO_MS : TOAST_MS, "");
}

let asked = 0;
let shown = 0;

/** Unless a later request was faster. */
export async function refresh(request = fetchClub()) {
	const number = ++asked;
	let club, trouble = "";
	try {
		club = checked(await request, state.club);
		if (!club) trouble = "error.damaged";
	} catch ({ message }) {
		trouble = message;
	}
	if (number < shown) return;
	shown = number;
	state.trouble = trouble;
	if (club) Object.assign(state, { club, asOf: Date.now() });
	const isDrawn = await identify();
	// Only what could be drawn is kept.
	if (club && isDrawn) {
		keep("lastKnown", { club: state.club, asOf: state.asOf });
		whenFresh();
	}
}

export function clubOnScreen() {
	let { club } = state;
	for (const { sessions, users } of outbox.values()) {
		for (const [id, answer] of Object.entries(sessions)) for (const user of users) club = withAnswer(club, id, user, answer);
	}
	return club;
}

// Login codes are compared with the public hashes on the device.

const isCodes = (value) => Array.isArray(value) && value.every((code) => typeof code === "string");
const isNames = (value) => typeof value === "object" && Object.values(value).every(({ id, name }) => typeof id === "string" && typeof name === "string");
const codes = () => kept("codes", isCodes) ?? [];
const storeCodes = (list) => (state.isForVisit = !keep("codes", [...new Set(list)]));
const hashes = new Map();

async function owner(code) {
	if (!hashes.has(code)) {
		const sha256 = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
		hashes.set(code, Array.from(new Uint8Array(sha256), (byte) => byte.toString(16).padStart(2, "0")).join(""));
	}
	return Object.values(state.club?.users ?? {}).find((user) => user.auth_token === hashes.get(code));
}

/** Whether all could be drawn. */
async function identify() {
	const list = codes();
	const names = kept("names", isNames) ?? {};
	const people = await Promise.all(list.map(async (code) => ({ code, user: await owner(code), last: names[hashes.get(code)] })));
	const found = Object.fromEntries(people.map(({ code, user, last }) => [hashes.get(code), user ? { id: user.user_id, name: user.name } : last]).filter(([, last]) => last));
	if (state.club && JSON.stringify(found) !== JSON.stringify(names)) keep("names", found);
	// The same as before stays the same, so that nothing is drawn anew.
	const isSame = people.length === state.people.length && people.every(({ code, user }, n) => state.people[n].code === code && state.people[n].user === user);
	if (!isSame) state.people = people;
	return redraw();
}

// Another tab may log in or out. Of names each keeps its own, and would write them for ever.
addEventListener("storage", ({ key }) => key === "names" || identify());

/** What a person may have pasted: the code, with blanks and a full stop; a link, also broken or within another; a message with either. */
function candidates(pasted) {
	const text = pasted.normalize("NFKC").trim();
	const linked = [text, text.replace(/[\s>]+/g, "")].flatMap((text) => [...text.matchAll(/(?:[#&]|%2[36])code(?:=|%3d)([\w-]+)/gi)].map(([, code]) => code));
	const words = text.split(/\s+/).map((word) => word.replace(/^[^\w-]+|[^\w-]+$/g, ""));
	return [...new Set([text, ...linked, text.replace(/[^\w-]+/g, ""), ...words])].filter(Boolean).slice(0, 200);
}

/** Whose code it is: `code` and `user`. */
export async function whose(pasted) {
	const find = async () => {
		for (const code of candidates(pasted)) {
			const user = await owner(code);
			if (user) return { code, user };
		}
	};
	let found = await find();
	if (!found) {
		await refresh();
		found = await find();
	}
	if (!found) throw new Error(state.trouble || "login.unknown");
	return found;
}

export async function logIn(pasted) {
	const { code, user } = await whose(pasted);
	storeCodes([...codes(), code]);
	await identify();
	return t("login.done", user) + (state.isForVisit ? `. ${t("people.forVisit")}` : "");
}

export const nameOf = ({ user, last }) => user?.name ?? last?.name;

export async function logOut(person) {
	storeCodes(codes().filter((other) => other !== person.code));
	await identify();
	announce(t("logout.done", { name: nameOf(person) ?? t("people.unknown") }));
}

/** Of this page. The fragment is sent to no server. */
export const linkTo = (fragment) => `${location.href.split("#")[0]}#${fragment}`;

/** What is loaded when it is needed; nothing, and a word about it, if it does not come. */
export const part = (name) => import(`./views/${name}.js`).catch(() => announce(t("error.part")));

export const codeOf = (role) => state.people.find(({ user }) => [role, "Admin"].includes(user?.role))?.code;

export const request = (action, data, operationId) =>
	post(action, { auth_token: codeOf(action.startsWith("admin_") ? "Admin" : "Coach"), ...data }, operationId);

/** Changes the club and shows it, also on failure: the answer may be lost. */
export const act = (...action) => request(...action).finally(() => refresh());

/** Replacements of codes without an answer, by member. */
const lost = Object.create(null);

/** A new code for a member, who stays logged in here. Lost answers may be the admin's own. */
export async function replaceCode(user_id) {
	const here = state.people.find(({ user }) => user?.user_id === user_id)?.code;
	const tried = (lost[user_id] ??= { id: crypto.randomUUID(), here, admin: codeOf("Admin") });
	const data = { auth_token: codeOf("Admin") ?? tried.admin, user_id };
	const { auth_token } = await request("admin_reset_auth_token", data, tried.id);
	delete lost[user_id];
	storeCodes(codes().map((code) => (code === tried.here ? auth_token : code)));
	await refresh();
	return auth_token;
}

/** `undo`, if `work` resolves to `[said, undo]`. */
export async function run(key, work) {
	if (state.busy.has(key)) return;
	state.busy.add(key);
	state.errors.delete(key);
	announce("");
	redraw();
	try {
		announce(...[await work()].flat());
	} catch (error) {
		state.errors.set(key, explain(error));
	}
	state.busy.delete(key);
	redraw();
}
