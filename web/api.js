// What the page asks of others, and what it keeps on the device. Runs first, so that the club is on its way early.

/** The function ends after 10 s. */
const TIMEOUT_MS = 15_000;
const PROBE_MS = 5_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;

// Where the browser keeps nothing (blocked, or full), it lasts as long as the visit.

const memory = {};

/** What was kept, if `isFit` takes it: any shape may stand there. */
export function kept(key, isFit) {
	let value = memory[key];
	try {
		const text = Object.hasOwn(memory, key) ? undefined : localStorage.getItem(key);
		value ??= text ?? undefined;
		if (text != null) value = JSON.parse(text);
	} catch {} // Blocked, or not JSON: older pages kept the language as it is.
	try {
		return isFit(value) ? value : undefined;
	} catch {}
}

/** Whether it will be there at the next visit. */
export function keep(key, value) {
	const text = JSON.stringify(value);
	// The club can be fetched again; what a person gave cannot.
	for (const isLast of [false, true]) {
		try {
			localStorage.setItem(key, text);
			delete memory[key];
			return true;
		} catch {
			if (!isLast) forget("lastKnown");
		}
	}
	memory[key] = value;
	return false;
}

export function forget(key) {
	delete memory[key];
	try {
		localStorage.removeItem(key);
	} catch {} // Blocked.
}

// A file that did not come, or another version's, ends all scripts: one more try, then a word.

let isRunning = false;
export const running = () => (isRunning = true);

addEventListener(
	"error",
	({ target, message }) => {
		// Of others, only scripts count.
		if (isRunning || !(message || target.localName === "script")) return;
		isRunning = true;
		if (performance.getEntriesByType("navigation")[0]?.type !== "reload") return location.reload();
		const again = Object.assign(document.createElement("button"), { textContent: "Try again", onclick: () => location.reload() });
		document.getElementById("main").replaceChildren("This page could not be loaded. ", again);
	},
	true,
);

const failure = (key, more) => Object.assign(new Error(key), more);

/** Whose fault an answer of this status is, where it has no words of its own. */
function blame(status) {
	if (status === 429 || status === 503) return "error.busy";
	if (status >= 500) return "error.server";
	if (status === 401 || status === 403) return "error.refused";
	return [404, 405, 410].includes(status) ? "error.address" : "error.notOurs";
}

async function get(url, cache) {
	let answer;
	try {
		answer = await fetch(url, { cache, signal: AbortSignal.timeout(TIMEOUT_MS) });
	} catch {
		throw failure("error.connection");
	}
	if (!answer.ok) throw failure(blame(answer.status));
	const text = await answer.text().catch(() => {
		throw failure("error.connection");
	});
	try {
		return JSON.parse(text);
	} catch {
		throw failure("error.notOurs");
	}
}

/** `URL.canParse` is younger than phones in use. */
export function parsed(url, base) {
	try {
		return new URL(url, base);
	} catch {} // None.
}

const isText = (value) => typeof value === "string" && value.trim() !== "";
const isZone = (value) => {
	try {
		return isText(value) && !!new Intl.DateTimeFormat("en", { timeZone: value });
	} catch {} // Unknown to this browser.
};

let found;

/** `config.json`: two addresses, and what the club says about itself, as far as it is fit for use. */
export const config = () =>
	(found ??= (async () => {
		const { functionUrl, dataUrl, name, color, picture, timeZone } = (await get("config.json")) ?? {};
		if (![functionUrl, dataUrl].every((url) => isText(url) && parsed(url, location))) throw failure("error.unset");
		return {
			functionUrl,
			dataUrl,
			name: isText(name) ? name : "Dojang",
			color: /^#[0-9a-f]{6}$/i.test(color) ? color : undefined,
			picture: isText(picture) && parsed(picture, location)?.origin === location.origin ? picture : undefined,
			timeZone: isZone(timeZone) ? timeZone : undefined,
		};
	})().catch((error) => {
		found = undefined;
		throw error.message === "error.connection" ? error : failure("error.unset");
	}));

export const fetchClub = async () => get((await config()).dataUrl, "no-cache");

export const firstClub = fetchClub();
firstClub.catch(() => {});

/**
 * Has the function do `action`; after a lost answer or a passing fault once more, under the same operation id.
 * Errors have the server's words or a key of the language files; `isUnknown`: it may have taken effect; `isLost`:
 * nobody answered.
 */
export async function post(action, data, operationId = crypto.randomUUID()) {
	const body = JSON.stringify({ action, ...data, operation_id: operationId });
	let outcome = await send(body);
	if (outcome.retryMs) {
		await new Promise((resolve) => setTimeout(resolve, outcome.retryMs));
		outcome = await send(body);
	}
	const { json, error, retryMs, isLost } = outcome;
	if (error) throw failure(isLost ? await whoseFault() : error, { isUnknown: !!retryMs, isLost });
	return json;
}

async function send(body) {
	let answer, json;
	try {
		const { functionUrl } = await config();
		const headers = { "Content-Type": "application/json" };
		answer = await fetch(functionUrl, { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
	} catch (error) {
		if (error.message === "error.unset") return { error: error.message };
		return { error: "error.connection", retryMs: RETRY_MS, isLost: true };
	}
	const isJson = (json = await answer.json().catch(() => {})) !== null && typeof json === "object";
	if (answer.ok) return isJson ? { json } : { error: "error.notOurs", retryMs: RETRY_MS };
	const wait = answer.headers.get("Retry-After") * 1000 || RETRY_MS;
	const mayPass = answer.status >= 500 || answer.status === 429;
	return { error: isText(json?.error) ? json.error : blame(answer.status), retryMs: mayPass && Math.min(wait, RETRY_MS_MAX) };
}

/** An answer without the headers that let the page read it looks like none: Lambda's own 429 is such. */
async function whoseFault() {
	if (!navigator.onLine) return "error.connection";
	const probe = { method: "HEAD", mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) };
	const reaches = (url) => fetch(url, probe).then(() => true, () => false);
	const { functionUrl, dataUrl } = await config().catch(() => ({}));
	if (!functionUrl) return "error.connection";
	if (await reaches(functionUrl)) return "error.busy";
	return (await reaches(dataUrl)) ? "error.unreachable" : "error.connection";
}
