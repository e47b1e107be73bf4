// Who uses this phone: the login codes in local storage, and whose they are. A code is compared with the
// hashes in the club's public data on the device; nobody is asked.

const STORED = "codes";
const hashes = new Map();

/** The codes on this phone. */
export function codes() {
  const stored = JSON.parse(localStorage.getItem(STORED) ?? "[]");
  return Array.isArray(stored) ? stored : [];
}

function store(list) {
  localStorage.setItem(STORED, JSON.stringify([...new Set(list)]));
}

export const addCode = (code) => store([...codes(), code]);
export const removeCode = (code) => store(codes().filter((other) => other !== code));
export const replaceCode = (old, code) => store(codes().map((other) => (other === old ? code : other)));

/** Whose code this is; `undefined` if nobody's. */
export async function owner(club, code) {
  const hash = await sha256(code);
  return Object.values(club.users ?? {}).find((user) => user.auth_token === hash);
}

/** Everybody on this phone: `code`, and `user` if the code is known (still). */
export function identify(club) {
  return Promise.all(codes().map(async (code) => ({ code, user: await owner(club, code) })));
}

async function sha256(text) {
  if (!hashes.has(text)) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    hashes.set(text, Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return hashes.get(text);
}
