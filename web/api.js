// What the page asks of others. Runs first, so that the club is on its way early.

/** The function ends after 10 s. */
const TIMEOUT_MS = 15_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;

async function get(url, cache) {
	const answer = await fetch(url, { cache, signal: AbortSignal.timeout(TIMEOUT_MS) });
	if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
	return answer.json();
}

let found;

/** `config.json`: `functionUrl` and `dataUrl`. */
const config = async () => (found ??= await get("config.json"));

export const fetchClub = async () => get((await config()).dataUrl, "no-cache");

export const firstClub = fetchClub();
firstClub.catch(() => {});

/**
 * Has the function do `action`; after a lost answer or a fault once more, under the same operation id.
 * Errors have the server's words or a key of the language files; `isUnknown`: it may have taken effect.
 */
export async function post(action, data, operationId = crypto.randomUUID()) {
	const body = JSON.stringify({ action, ...data, operation_id: operationId });
	let { json, error, retryMs } = await send(body);
	if (retryMs) {
		await new Promise((resolve) => setTimeout(resolve, retryMs));
		({ json, error, retryMs } = await send(body));
	}
	if (error) throw Object.assign(new Error(error), { isUnknown: !!retryMs });
	return json;
}

async function send(body) {
	let answer, json;
	try {
		const { functionUrl } = await config();
		const headers = { "Content-Type": "application/json" };
		answer = await fetch(functionUrl, { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
		json = await answer.json();
		if (answer.ok) return { json };
	} catch {
		// Lost, late, or not the function's own words.
		if (!answer || answer.ok) return { error: "error.connection", retryMs: RETRY_MS };
	}
	const wait = answer.headers.get("Retry-After") * 1000 || RETRY_MS;
	return { error: json?.error ?? "error.server", retryMs: answer.status >= 500 && Math.min(wait, RETRY_MS_MAX) };
}
