// The page's state, and all that changes it. Views read `state` and are drawn anew after every change.

import { fetchClub, firstClub, post } from "./api.js";
import { withAnswer } from "./club.js";
import { explain, t } from "./i18n.js";
import * as people from "./people.js";

const LAST_KNOWN = "club";
const TOAST_MS = 6_000;

export const state = {
  /** Public `data.json`, or `null` as long as there is none. */
  club: null,
  /** When that was so, in ms. */
  asOf: 0,
  /** The last attempt to fetch it failed. */
  offline: false,
  /** Everybody on this phone: `{code, user}`. */
  people: [],
  /** Errors in words, by what caused them. */
  errors: new Map(),
  /** What is under way. */
  busy: new Set(),
  /** Answers under way, by `sessionId userId`. */
  pending: new Map(),
};

let draw = () => {};

/** Has `callback` draw after every change. */
export function onChange(callback) {
  draw = callback;
}

export const redraw = () => draw();

/** Says `text` in the live region, where everybody sees it for a moment. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => status.replaceChildren(), TOAST_MS);
}

/** The club with the answers under way. */
export function clubOnScreen() {
  let { club } = state;
  for (const [key, answer] of state.pending) club = withAnswer(club, ...key.split(" "), answer);
  return club;
}

/** Shows the last known club, then the one that is being fetched. */
export async function start() {
  try {
    Object.assign(state, JSON.parse(localStorage.getItem(LAST_KNOWN)));
  } catch {
    localStorage.removeItem(LAST_KNOWN);
  }
  if (state.club) await identify();
  await refresh(firstClub);
}

let asked = 0;
let shown = 0;

/** Fetches the club and shows it. An answer that is overtaken by a later one is dropped. */
export async function refresh(request = fetchClub()) {
  const number = ++asked;
  try {
    const club = await request;
    if (number < shown) return;
    shown = number;
    Object.assign(state, { club, asOf: Date.now(), offline: false });
    remember();
  } catch {
    if (number < shown) return;
    state.offline = true;
  }
  await identify();
}

function remember() {
  try {
    localStorage.setItem(LAST_KNOWN, JSON.stringify({ club: state.club, asOf: state.asOf }));
  } catch {
    // No room: then the club is not there without a network.
  }
}

async function identify() {
  state.people = state.club ? await people.identify(state.club) : [];
  draw();
}

/** The code of somebody on this phone who may do what `role` may. */
export function codeOf(role) {
  const enough = role === "Admin" ? ["Admin"] : ["Admin", "Coach"];
  return state.people.find(({ user }) => enough.includes(user?.role))?.code;
}

/** Has `action` done for somebody on this phone who may do it. */
export function request(action, data, operationId) {
  const role = action.startsWith("admin_") ? "Admin" : "Coach";
  return post(action, { auth_token: codeOf(role), ...data }, operationId);
}

/** Does `action`, which changes the club, and shows the club after it. */
export async function act(action, data, operationId) {
  const done = await request(action, data, operationId);
  await refresh();
  return done;
}

/** Replaces a member's code; whoever is on this phone stays logged in. Resolves to the new one. */
export async function replaceCode(userId) {
  const here = state.people.find(({ user }) => user?.user_id === userId);
  const { auth_token: code } = await request("admin_reset_auth_token", { user_id: userId });
  if (here) people.replaceCode(here.code, code);
  await refresh();
  return code;
}

/**
 * Does `work` once, however often it is asked for meanwhile; `key` is busy until then, and has the
 * error if there is one. Says `success`.
 */
export async function run(key, work, success) {
  if (state.busy.has(key)) return;
  state.busy.add(key);
  state.errors.delete(key);
  draw();
  try {
    await work();
    announce(success);
  } catch (error) {
    state.errors.set(key, explain(error));
  } finally {
    state.busy.delete(key);
    draw();
  }
}

/**
 * Answers for somebody on this phone: at once on screen, then sent. Where another answer is chosen
 * meanwhile it is sent after it; a refusal shows what holds.
 */
export async function answer({ code, user }, sessionId, chosen) {
  const key = `${sessionId} ${user.user_id}`;
  const underWay = state.pending.has(key);
  if ((clubOnScreen().sessions[sessionId]?.participation?.[user.user_id] ?? null) === chosen) return;
  state.pending.set(key, chosen);
  state.errors.delete(key);
  draw();
  if (underWay) return;
  try {
    for (let sent; sent !== state.pending.get(key); ) {
      sent = state.pending.get(key);
      await post("any_register_participation", { joining_sessions: { [sessionId]: sent }, user_auth_tokens: [code] });
      state.club = withAnswer(state.club, sessionId, user.user_id, sent);
      await refresh();
    }
    announce(t("answer.saved", { name: user.name, answer: t(`answer.${state.pending.get(key)}`) }));
  } catch (error) {
    state.errors.set(key, explain(error));
    refresh();
  } finally {
    state.pending.delete(key);
    draw();
  }
}

/** Adds the person with this login code; `false` if it is nobody's, in the newest data. */
export async function logIn(code) {
  let user = state.club && (await people.owner(state.club, code));
  if (!user) {
    await refresh();
    user = state.club && (await people.owner(state.club, code));
  }
  if (!user) return false;
  people.addCode(code);
  await identify();
  announce(t("login.done", { name: user.name }));
  return true;
}

/** Forgets a code. */
export async function logOut({ code, user }) {
  people.removeCode(code);
  await identify();
  announce(t("logout.done", { name: user?.name ?? code }));
}

// Another tab has logged somebody in or out.
addEventListener("storage", identify);
