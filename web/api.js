// What the page asks of others: where the club is, the club itself, and the actions.
//
// This is the first module to run: the club is on its way before the rest of the page has arrived.

/** How long an action may take: the function ends after 10 s. */
const TIMEOUT_MS = 15_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;

let addresses;

/** `config.json`: `functionUrl`, `dataUrl`. */
function config() {
  addresses ??= getJson("config.json").catch((error) => {
    addresses = undefined;
    throw error;
  });
  return addresses;
}

async function getJson(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error(`${url}: status ${answer.status}`);
  return answer.json();
}

/** The club as it is now; the cached copy only if S3 says that it still is. */
export async function fetchClub() {
  const { dataUrl } = await config();
  return getJson(dataUrl, { cache: "no-cache" });
}

/** The club as the first visit fetches it. */
export const firstClub = fetchClub();
firstClub.catch(() => {});

/** Why an action failed: the server's words, or a key of the language files. */
export class ActionError extends Error {
  constructor(message, key) {
    super(message);
    this.key = key;
  }
}

/**
 * Has the function do `action`. Where no answer arrives, or one that a later try may better, it is
 * sent once more under the same `operationId`, so that it takes effect once.
 */
export async function post(action, data, operationId = crypto.randomUUID()) {
  const body = JSON.stringify({ action, ...data, operation_id: operationId });
  const first = await send(body);
  const { done, error } = first.retryMs === undefined ? first : await later(first.retryMs, () => send(body));
  if (error) throw error;
  return done;
}

const later = (ms, work) => new Promise((resolve) => setTimeout(resolve, ms)).then(work);

async function send(body) {
  let answer, json;
  try {
    const { functionUrl } = await config();
    const headers = { "Content-Type": "application/json" };
    answer = await fetch(functionUrl, { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    json = await answer.json();
  } catch {
    // Lost on the way, too late, or not the function's own answer.
    if (!answer || answer.status >= 500 || answer.ok) {
      return { retryMs: RETRY_MS, error: new ActionError("", answer ? "error.server" : "error.connection") };
    }
  }
  if (answer.ok) return { done: json };
  const error = json?.error ? new ActionError(json.error) : new ActionError("", "error.server");
  if (answer.status < 500) return { error };
  const wait = Number(answer.headers.get("Retry-After")) * 1000 || RETRY_MS;
  return { retryMs: Math.min(wait, RETRY_MS_MAX), error };
}
