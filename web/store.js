// The page's state and all that changes it.

import { fetchClub, firstClub, post } from "./api.js";
import { withAnswer } from "./club.js";
import { explain, t } from "./i18n.js";

const TOAST_MS = 6_000;

export const state = {
	club: null,
	asOf: 0,
	isOffline: false,
	/** On this phone: `code`, and `user` if it is known. */
	people: [],
	/** By what caused them. */
	busy: new Set(),
	errors: new Map(),
	/** Answers under way, by `sessionId userId`. */
	pending: new Map(),
};

export let redraw = () => {};

const stored = (key) => {
	try {
		return JSON.parse(localStorage[key]);
	} catch {} // Nothing, or not ours.
};

export async function start(draw) {
	redraw = draw;
	Object.assign(state, stored("lastKnown"));
	await identify();
	await refresh(firstClub);
}

/** Says `text`; an open dialog has its own live region, as the rest is inert. */
export function announce(text) {
	const all = [...document.querySelectorAll(".status")];
	for (const old of all) old.replaceChildren();
	all.pop().textContent = text;
	clearTimeout(announce.timer);
	if (text) announce.timer = setTimeout(announce, TOAST_MS, "");
}

let asked = 0;
let shown = 0;

/** Unless a later request was faster. */
export async function refresh(request = fetchClub()) {
	const number = ++asked;
	const club = await request.catch(() => null);
	if (number < shown) return;
	shown = number;
	state.isOffline = !club;
	if (club) {
		Object.assign(state, { club, asOf: Date.now() });
		try {
			localStorage.lastKnown = JSON.stringify({ club, asOf: state.asOf });
		} catch {} // No room.
	}
	await identify();
}

export function clubOnScreen() {
	let { club } = state;
	for (const [key, answer] of state.pending) club = withAnswer(club, ...key.split(" "), answer);
	return club;
}

// Login codes are compared with the public hashes on the device.

const codes = () => stored("codes") ?? [];
const storeCodes = (list) => (localStorage.codes = JSON.stringify([...new Set(list)]));
const hashes = {};

async function owner(code) {
	const sha256 = () => crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
	hashes[code] ??= Array.from(new Uint8Array(await sha256()), (byte) => byte.toString(16).padStart(2, "0")).join("");
	return Object.values(state.club?.users ?? {}).find((user) => user.auth_token === hashes[code]);
}

async function identify() {
	state.people = await Promise.all(codes().map(async (code) => ({ code, user: await owner(code) })));
	redraw();
}

// Another tab may log in or out.
addEventListener("storage", identify);

export async function logIn(code) {
	if (!(await owner(code))) await refresh();
	const user = await owner(code);
	if (!user) throw new Error(state.isOffline ? "error.connection" : "login.unknown");
	storeCodes([...codes(), code]);
	await identify();
	return t("login.done", user);
}

export async function logOut({ code, user }) {
	storeCodes(codes().filter((other) => other !== code));
	await identify();
	announce(t("logout.done", { name: user?.name ?? code }));
}

export const codeOf = (role) => state.people.find(({ user }) => [role, "Admin"].includes(user?.role))?.code;

export const request = (action, data, operationId) =>
	post(action, { auth_token: codeOf(action.startsWith("admin_") ? "Admin" : "Coach"), ...data }, operationId);

/** Changes the club and shows it, also on failure: the answer may be lost. */
export const act = (...action) => request(...action).finally(() => refresh());

/** Replacements of codes without an answer, by member. */
const lost = {};

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

export async function run(key, work) {
	if (state.busy.has(key)) return;
	state.busy.add(key);
	state.errors.delete(key);
	announce("");
	redraw();
	try {
		announce(await work());
	} catch (error) {
		state.errors.set(key, explain(error));
	}
	state.busy.delete(key);
	redraw();
}

/** Answers: at once on screen, then sent. What is chosen meanwhile is sent after it. */
export async function answer({ code, user }, sessionId, chosen) {
	const { user_id, name } = user;
	const key = `${sessionId} ${user_id}`;
	if ((clubOnScreen().sessions[sessionId].participation?.[user_id] ?? null) === chosen) return;
	const isUnderWay = state.pending.has(key);
	state.pending.set(key, chosen);
	state.errors.delete(key);
	redraw();
	if (isUnderWay) return;
	let sent, failed;
	do {
		sent = state.pending.get(key);
		failed = null;
		try {
			await post("any_register_participation", { joining_sessions: { [sessionId]: sent }, user_auth_tokens: [code] });
			state.club = withAnswer(state.club, sessionId, user_id, sent);
			await refresh();
		} catch (error) {
			failed = explain(error);
		}
	} while (sent !== state.pending.get(key));
	// Said, too: the session may be gone.
	announce(failed ?? `${name}: ${t(`answer.${sent}`)}`);
	if (failed) {
		state.errors.set(key, failed);
		refresh();
	}
	state.pending.delete(key);
	redraw();
}
