// Answers: at once on screen, kept until they are sent, and sent one after another under their operation ids.

import { keep, kept, post } from "./api.js";
import { ANSWERS, withAnswer } from "./club.js";
import { explain, t } from "./i18n.js";
import { announce, clubOnScreen, outbox, redraw, refresh, state } from "./store.js";

const isObject = (value) => typeof value === "object" && value !== null;
const isEntry = ([id, { sessions, users }]) =>
	/^[\w-]{8,64}$/.test(id) && isObject(sessions) && Object.values(sessions).every((answer) => answer === null || ANSWERS.includes(answer)) && users.every((user) => typeof user === "string");
const isOutbox = (value) => Array.isArray(value) && value.length < 1000 && value.every(isEntry);

export function loadOutbox() {
	const before = new Map(outbox);
	outbox.clear();
	for (const [id, { sessions, users }] of kept("outbox", isOutbox) ?? []) outbox.set(id, before.get(id) ?? { sessions, users, isWaiting: true });
}

// Another tab may add some, and send some: then the club has them.
addEventListener("storage", ({ key }) => key === "outbox" && [loadOutbox(), outbox.size ? redraw() : refresh()]);

const store = () => keep("outbox", [...outbox].map(([id, { sessions, users }]) => [id, { sessions, users }]));

/** Whether `one` says something of all that `other` says something of. */
const covers = (one, other) => Object.keys(other.sessions).every((id) => Object.hasOwn(one.sessions, id)) && other.users.every((user) => one.users.includes(user));

function forEach({ sessions, users }, work) {
	for (const [id, answer] of Object.entries(sessions)) for (const user of users) work(id, user, answer);
}

export const keyOf = (sessionId, userId) => `answer ${sessionId} ${userId}`;

/** `busy`, `waiting` or nothing. */
export function sending(sessionId, userId) {
	const entries = [...outbox.values()].filter(({ sessions, users }) => Object.hasOwn(sessions, sessionId) && users.includes(userId));
	return entries.some(({ isWaiting }) => isWaiting) ? "waiting" : entries.length ? "busy" : "";
}

/** `answers` by session, for all of `users`; `undo` is offered where `before` says what was. */
export function answer(users, answers, undo) {
	const entry = { sessions: answers, users, isWaiting: false, undo };
	for (const [id, other] of outbox) if (other !== sent && covers(entry, other)) outbox.delete(id);
	outbox.set(crypto.randomUUID(), entry);
	forEach(entry, (id, user) => state.errors.delete(keyOf(id, user)));
	store();
	redraw();
	return sendOutbox();
}

/** One tap of one person; the same again takes it back. */
export function choose({ user }, sessionId, chosen) {
	const before = clubOnScreen().sessions[sessionId]?.participation[user.user_id] ?? null;
	const users = [user.user_id];
	const now = before === chosen ? null : chosen;
	return answer(users, { [sessionId]: now }, () => answer(users, { [sessionId]: before }));
}

/** The entry under way. */
let sent;

export async function sendOutbox() {
	if (sent) return;
	for (const [id, entry] of outbox) {
		const codes = state.people.filter(({ user }) => entry.users.includes(user?.user_id)).map(({ code }) => code);
		const done = () => {
			outbox.delete(id);
			store();
		};
		if (codes.length < entry.users.length) {
			// Logged out meanwhile, or the code was replaced.
			if (state.club) done();
			continue;
		}
		sent = entry;
		try {
			await post("any_register_participation", { joining_sessions: entry.sessions, user_auth_tokens: codes }, id);
			forEach(entry, (...answer) => (state.club = withAnswer(state.club, ...answer)));
			done();
			sent = undefined;
			await refresh();
			if (!outbox.size) announce(said(entry), entry.undo);
		} catch (error) {
			sent = undefined;
			// Later ones may replace it; without an answer it stays for later.
			if (error.isLost && outbox.get(id) === entry && !isReplaced(id, entry)) {
				for (const each of outbox.values()) each.isWaiting = true;
				state.trouble ||= error.message;
				announce(t("answer.waiting"));
				redraw();
				return;
			}
			const isLast = (outbox.has(id) || !error.isLost) && !isReplaced(id, entry);
			done();
			if (isLast) {
				const words = explain(error);
				forEach(entry, (session, user) => state.errors.set(keyOf(session, user), words));
				// Said, too, where no card is left to say it.
				await refresh();
				if (!Object.keys(entry.sessions).some((session) => state.club?.sessions[session])) announce(words);
			}
		}
		redraw();
		return sendOutbox();
	}
}

function isReplaced(id, entry) {
	const later = [...outbox.values()].slice([...outbox.keys()].indexOf(id) + 1);
	return later.some((other) => covers(other, entry));
}

function said({ sessions, users }) {
	const names = state.people.filter(({ user }) => users.includes(user?.user_id)).map(({ user }) => user.name).join(", ");
	const answers = Object.values(sessions);
	return `${names}: ${t(`answer.${answers[0]}`)}${answers.length > 1 ? ` (${answers.length})` : ""}`;
}
