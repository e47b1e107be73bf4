// The page's state and all that changes it. Every change is drawn.

import { fetchClub, firstClub, post } from "./api.js";
import { withAnswer } from "./club.js";
import { explain, t } from "./i18n.js";

const TOAST_MS = 6_000;

export const state = {
	club: null,
	asOf: 0,
	isOffline: false,
	/** Who is on this phone: `code`, and `user` if it is known. */
	people: [],
	/** What is under way, and errors in words, by what caused them. */
	busy: new Set(),
	errors: new Map(),
	/** Answers under way, by `sessionId userId`. */
	pending: new Map(),
};

export let redraw = () => {};

/** Shows the last known club, then the one that is on its way. */
export async function start(draw) {
	redraw = draw;
	Object.assign(state, JSON.parse(localStorage.lastKnown ?? "{}"));
	await identify();
	await refresh(firstClub);
}

/** Says `text` in the live region; an open dialog has its own, as the rest is inert. */
export function announce(text) {
	const status = [...document.querySelectorAll(".status")].pop();
	status.textContent = text;
	clearTimeout(announce.timer);
	announce.timer = setTimeout(() => status.replaceChildren(), TOAST_MS);
}

let asked = 0;
let shown = 0;

/** Fetches the club and shows it, unless a later request was faster. */
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

/** The club with the answers under way. */
export function clubOnScreen() {
	let { club } = state;
	for (const [key, answer] of state.pending) club = withAnswer(club, ...key.split(" "), answer);
	return club;
}

// Login codes stay in local storage, and are compared with the public hashes on the device.

const codes = () => JSON.parse(localStorage.codes ?? "[]");
const storeCodes = (list) => (localStorage.codes = JSON.stringify([...new Set(list)]));
const hashes = {};

async function owner(code) {
	const sha256 = async () => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code)));
	hashes[code] ??= Array.from(await sha256(), (byte) => byte.toString(16).padStart(2, "0")).join("");
	return Object.values(state.club?.users ?? {}).find((user) => user.auth_token === hashes[code]);
}

async function identify() {
	state.people = await Promise.all(codes().map(async (code) => ({ code, user: await owner(code) })));
	redraw();
}

// Another tab may log somebody in or out.
addEventListener("storage", identify);

/** Resolves to what is to be said. */
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

/** The code of somebody here who may do what `role` may. */
export const codeOf = (role) => state.people.find(({ user }) => [role, "Admin"].includes(user?.role))?.code;

export const request = (action, data, operationId) =>
	post(action, { auth_token: codeOf(action.startsWith("admin_") ? "Admin" : "Coach"), ...data }, operationId);

/** A request that changes the club; shows it after that, also on failure: the answer may be lost. */
export const act = (...action) => request(...action).finally(() => refresh());

/** A new code for a member, who stays logged in here. */
export async function replaceCode(userId) {
	const here = state.people.find(({ user }) => user?.user_id === userId)?.code;
	const { auth_token } = await request("admin_reset_auth_token", { user_id: userId });
	storeCodes(codes().map((code) => (code === here ? auth_token : code)));
	await refresh();
	return auth_token;
}

/** Does `work`, one at a time, and says what it resolves to. */
export async function run(key, work) {
	if (state.busy.has(key)) return;
	state.busy.add(key);
	state.errors.delete(key);
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
	try {
		for (let sent; sent !== state.pending.get(key); ) {
			sent = state.pending.get(key);
			await post("any_register_participation", { joining_sessions: { [sessionId]: sent }, user_auth_tokens: [code] });
			state.club = withAnswer(state.club, sessionId, user_id, sent);
			await refresh();
		}
		announce(`${name}: ${t(`answer.${state.pending.get(key)}`)}`);
	} catch (error) {
		// Said too: the thing may be gone.
		announce(explain(error));
		state.errors.set(key, explain(error));
		refresh();
	}
	state.pending.delete(key);
	redraw();
}
