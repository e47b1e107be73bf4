// Elements from data. Text only ever becomes text nodes and attributes, never HTML.

/** Functions, `value` and `checked` are properties; null and false are left out. */
export function h(tag, properties, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (typeof value === "function" || name === "value" || name === "checked") element[name] = value;
		else if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat(3).filter((child) => child != null && child !== false));
	return element;
}

export const button = (label, onclick, properties) => h("button", { type: "button", onclick, ...properties }, label);

const KEEP_MS = 60_000;

/** Has the browser keep a file. */
export function saveFile(name, type, ...content) {
	const href = URL.createObjectURL(new Blob(content, { type }));
	h("a", { href, download: name }).click();
	// Safari reads it later than it says.
	setTimeout(() => URL.revokeObjectURL(href), KEEP_MS);
}

export const problem = (text) => text && h("p", { class: "error", role: "alert" }, text);

/** What elements were made of, by id. */
const made = new Map();

/** The element that `make` makes, once for the same `parts`: what is on screen then stays as it is. */
export function once(id, parts, make) {
	const before = made.get(id);
	const now = document.getElementById(id);
	if (now && before?.length === parts.length && parts.every((part, n) => Object.is(part, before[n]))) {
		return Object.assign(document.createElement(now.nodeName), { id, isSame: true });
	}
	made.set(id, parts);
	return make();
}

/** Makes `from` look like `to`; focus, input and scrolling stay. Ids tell children apart. */
export function morph(from, to) {
	if (from.nodeName !== to.nodeName || from.id !== to.id) return from.replaceWith(to);
	if (to.isSame) return;
	if (from.data !== to.data) from.data = to.data;
	if (!from.attributes) return;
	for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
	for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
	for (const handler of ["onclick", "onsubmit", "oninput", "onchange"]) from[handler] = to[handler];
	const byId = new Map([...from.children].filter(({ id }) => id).map((child) => [child.id, child]));
	let here = from.firstChild;
	for (const child of [...to.childNodes]) {
		const known = child.id && byId.get(child.id);
		// What is moved loses the focus: rather, what is before it goes.
		while (known && here !== known && here && !here.id) here = remove(here);
		if (known && known !== here) from.insertBefore(known, here);
		const match = known || (!here?.id && here);
		if (match) {
			here = match.nextSibling;
			morph(match, child);
		} else from.insertBefore(child, here);
	}
	while (here) here = remove(here);
}

function remove(node) {
	const next = node.nextSibling;
	node.remove();
	return next;
}
