// Elements from data. Text only ever becomes text nodes and attributes, never HTML.

/** Functions, `value` and `checked` are properties; null and false are left out. */
export function h(tag, properties, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (typeof value === "function" || name === "value" || name === "checked") element[name] = value;
		else if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat().filter((child) => child != null && child !== false));
	return element;
}

export const button = (label, onclick, properties) => h("button", { type: "button", onclick, ...properties }, label);

export const problem = (text) => text && h("p", { class: "error", role: "alert" }, text);

/** Makes `from` look like `to`; focus, input and scrolling stay. Ids tell children apart. */
export function morph(from, to) {
	if (from.nodeName !== to.nodeName || from.id !== to.id) return from.replaceWith(to);
	if (from.data !== to.data) from.data = to.data;
	if (!from.attributes) return;
	for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
	for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
	for (const handler of ["onclick", "onsubmit", "oninput", "onchange"]) from[handler] = to[handler];
	let here = from.firstChild;
	for (const child of [...to.childNodes]) {
		const known = child.id && [...from.children].find(({ id }) => id === child.id);
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
