// Languages, keyboard, screen readers, small screens, and the policy.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, choices, heading, inOrder, menu, root, startSite, weekdayOf } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const language = (page) => page.locator("#language");
const focused = (page) => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);

test("the browser chooses the language, the reader may change it", async () => {
  const page = await site.visit({ locale: "da-DK", who: ["Emil"] });
  await heading(page, "Træninger");
  assert.equal(await page.getAttribute("html", "lang"), "da");
  const session = basics(await site.club());
  assert.match(await card(page, session).innerText(), /\d\d\.\d\d.\d\d\.\d\d\s+⋯\s+med Coach Hana/);
  await page.getByRole("article", { name: /tirsdag.*\d\d\.\d\d/i }).first().waitFor();
  await choices(page, session, "Emil").getByRole("button", { name: "Måske" }).click();
  await page.getByRole("status").filter({ hasText: "Emil: Måske" }).waitFor();

  await page.getByRole("link", { name: "Dig" }).click();
  await language(page).selectOption("English");
  await heading(page, "On this phone");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  await page.reload();
  await heading(page, "On this phone");
  assert.equal(await language(page).inputValue(), "en");

  await heading(await site.visit({ locale: "ko-KR" }), "Sessions");
});

test("the server's words are translated where the language has them", async () => {
  const page = await site.visit({ locale: "da-DK", who: ["Grandmaster Oh"], hash: "#members", faults: true });
  await page.getByRole("button", { name: "Tilføj medlem" }).click();
  await page.getByRole("dialog").getByLabel("Navn").fill("Amir");
  await page.getByRole("dialog").getByRole("button", { name: "Tilføj medlem" }).click();
  await page.getByRole("alert").filter({ hasText: "Et andet medlem har dette navn." }).waitFor();
});

test("English and Danish have all words, every language with the same places to fill in, and no others", async () => {
  const folder = join(root, "web/lang");
  const read = async (file) => JSON.parse(await readFile(join(folder, file), "utf8"));
  const english = await read("en.json");
  // The server's words stand as they are.
  const isServers = (key) => key.includes(" ");
  const places = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const file of await readdir(folder)) {
    const words = Object.entries(await read(file)).filter(([key]) => !isServers(key));
    for (const [key] of words) assert.ok(key in english, `${file}: ${key}`);
    // What a club's own language lacks is shown in English.
    if (file === "da.json") assert.equal(words.length, Object.keys(english).length, file);
    for (const [key, text] of words) assert.equal(places(text), places(english[key]), `${file}: ${key}`);
  }
  const sources = await Promise.all(
    (await readdir(join(root, "web"), { recursive: true })).filter((file) => file.endsWith(".js")).map((file) => readFile(join(root, "web", file), "utf8")),
  );
  const code = sources.join("");
  for (const key of Object.keys(english)) {
    // Keys are written out, or put together after their first part.
    const used = code.includes(`"${key}"`) || code.includes(`\`${key.split(".")[0]}.\${`) || code.includes(`}.${key.split(".").pop()}\``);
    assert.ok(used, `${key} is used`);
  }
  const translated = Object.keys(await read("da.json")).filter(isServers);
  const rust = await Promise.all(["actions/users", "actions/sessions", "actions/request", "actions/participation", "actions/authentication", "actions/attendance", "answer", "club/name"].map((name) => readFile(join(root, `src/${name}.rs`), "utf8")));
  for (const key of translated) assert.ok(rust.join("").replace(/\\\n\s+/g, "").includes(`"${key}"`), `the server says: ${key}`);
});

test("everything works by keyboard, and the focus stays where it is", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Coach Mette"] });
  const mettes = choices(page, session, "Coach Mette");
  for (let tabs = 0; tabs < 60; tabs++) {
    await page.keyboard.press("Tab");
    if (await mettes.getByRole("button", { name: "Yes" }).evaluate((button) => button === document.activeElement)) break;
  }
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "Coach Mette: Yes" }).waitFor();
  assert.equal(await focused(page), "Yes");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "one sees where the focus is");
  await page.keyboard.press("Space");
  await page.getByRole("status").filter({ hasText: "Coach Mette: no answer" }).waitFor();
  assert.equal(await focused(page), "Yes");

  const more = card(page, session).getByRole("button", { name: /^More/ });
  await more.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel session" }).focus();
  await page.keyboard.press("Enter");
  await card(page, session).getByText("Cancelled", { exact: true }).waitFor();
  assert.equal(await focused(page), "⋯");

  const add = page.getByRole("button", { name: "Add sessions" });
  await add.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Add sessions" }).waitFor();
  for (let tabs = 0; tabs < 30; tabs++) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => Boolean(document.activeElement.closest("dialog")) || document.activeElement === document.body);
    assert.ok(place, "the focus stays within the dialog");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Add sessions");

  // What had the focus is gone with the session: the heading takes it.
  await menu(page, session, "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).focus();
  await page.keyboard.press("Enter");
  await card(page, session).waitFor({ state: "detached" });
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Sessions");

  await page.getByRole("link", { name: "You" }).focus();
  await page.keyboard.press("Enter");
  await heading(page, "On this phone");
  await page.waitForFunction(() => document.activeElement.textContent === "On this phone");
  assert.equal(await page.title(), "You – Dojang");
});

test("what is typed and where the focus is survive a new drawing", async () => {
  const page = await site.visit({ hash: "#people", prepare: (page) => page.clock.install() });
  await page.getByRole("textbox").fill("halfacode");
  await page.clock.runFor(130_000);
  assert.equal(await page.getByRole("textbox").inputValue(), "halfacode");
  assert.equal(await focused(page), "code");
});

test("screen readers learn names, roles, states, results and errors", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"] });
  await page.getByRole("article", { name: new RegExp(`${weekdayOf(session)}.*\\d\\d:\\d\\d`) }).first().waitFor();
  const group = card(page, session).getByRole("group", { name: "Emil" });
  assert.equal(await group.getByRole("button", { name: "Yes", pressed: false }).count(), 1);
  await group.getByRole("button", { name: "Yes" }).click();
  assert.equal(await group.getByRole("button", { name: "Yes", pressed: true }).count(), 1);
  const live = await page.locator("p.status").evaluate((element) => element.role || element.getAttribute("role"));
  assert.equal(live, "status");
  await page.getByRole("navigation").getByRole("link", { name: "Sessions" }).and(page.locator('[aria-current="page"]')).waitFor();
  assert.equal(await page.getByRole("main").count(), 1);
});

test("nothing is wider than a screen of 320 px, in any language", async () => {
  const long = "Maximiliane-Wilhelmine von und zu Hohenstein-Schwarzburg-Rudol";
  await site.post("admin_create_user", { auth_token: site.codes["Grandmaster Oh"], role: "Student", name: long.slice(0, 60) });
  for (const locale of ["en-GB", "da-DK"]) {
    const page = await site.visit({ who: ["Grandmaster Oh", "Coach Hana"], locale, viewport: { width: 320, height: 640 } });
    for (const view of ["sessions", "history", "members", "people"]) {
      await page.locator(`nav a[href="#${view}"]`).click();
      await page.locator({ history: "table", members: ".rows" }[view] ?? ".card").first().waitFor();
      for (const letters of ["150%", ""]) {
        const widths = await page.evaluate((letters) => {
          document.documentElement.style.fontSize = letters;
          return [document.documentElement.scrollWidth, document.querySelector("nav").scrollWidth];
        }, letters);
        assert.deepEqual(widths, [320, 320], `${view}, ${locale}, letters of ${letters || "100%"}`);
      }
    }
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, nav a, input, select")].filter((element) => element.getBoundingClientRect().height < 24).map((element) => element.outerHTML),
    );
    assert.deepEqual(small, [], "large enough to be tapped");
  }
});

/** Buttons, links, headings, labels and chips of ours that do not hold their words, or break one. */
const badlyFitting = () => {
  const found = [];
  for (const element of document.querySelectorAll("button, nav, nav a, h2, h3, h4, label, legend, summary, option, .chip, .badge, .hint, .banner")) {
    if (!element.checkVisibility() || element.closest(".tick, .rows, dialog .bar h2")) continue;
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline") found.push(`too narrow: ${element.textContent}`);
    const all = document.createRange();
    all.selectNodeContents(element);
    if (element.matches("nav a") && all.getBoundingClientRect().width + 4 > element.clientWidth) found.push(`touches its neighbour: ${element.textContent}`);
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const { index, 0: word } of texts.currentNode.data.matchAll(/[^\s–-]+/g)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + word.length);
        if (new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top))).size > 1) found.push(`broken: ${word}`);
      }
    }
  }
  return found;
};

test("at 320 px, in Danish too, no word of ours is broken and each fits where it stands", async () => {
  for (const locale of ["en-GB", "da-DK"]) {
    const page = await site.visit({ who: ["Grandmaster Oh", "Emil", "Dagny"], locale, viewport: { width: 320, height: 640 } });
    const [session] = inOrder(await site.club());
    const isGood = async (where) => assert.deepEqual(await page.evaluate(badlyFitting), [], `${where}, ${locale}`);
    const dialog = page.getByRole("dialog");
    const close = async () => {
      for (let left = await dialog.count(); left > 0; left--) {
        await page.keyboard.press("Escape");
        await page.waitForFunction((left) => document.querySelectorAll("dialog").length < left, left);
      }
    };
    await card(page, session).locator(".counts").click();
    for (const view of ["sessions", "history", "members", "people"]) {
      await page.locator(`nav a[href="#${view}"]`).click();
      await page.locator({ history: "table", members: ".rows" }[view] ?? ".card").first().waitFor();
      await isGood(view);
      if (view === "members") {
        await page.locator(".bar .primary").click();
        await dialog.locator("select").waitFor();
        await isGood("add a member");
        await close();
        await page.getByRole("button", { name: "Amir" }).click();
        await dialog.locator(".primary").first().click();
        await dialog.locator("output").waitFor();
        for (const summary of await dialog.locator("summary").all()) await summary.click();
        await isGood("a member");
        await close();
      }
    }
    await page.locator('nav a[href="#sessions"]').click();
    await page.locator(".bar .primary").first().click();
    await dialog.locator("textarea").waitFor();
    await isGood("add sessions");
    await close();
    await card(page, session).locator(".more").click();
    await dialog.locator(".danger").first().waitFor();
    await isGood("a session's menu");
    await close();
    await card(page, session).locator(".coaching .primary").click();
    await dialog.locator(".tick").first().waitFor();
    await isGood("attendance");
    await close();
  }
});

test("lists and forms are at most 40rem wide, and a card is as high as what it says", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Grandmaster Oh"], viewport: { width: 1280, height: 900 } });
  const heights = () => page.locator("#coming article").evaluateAll((all) => Object.fromEntries(all.map((article) => [article.id, article.getBoundingClientRect().height])));
  const before = await heights();
  await card(page, session).locator(".counts").click();
  await card(page, session).locator(".who").waitFor();
  const now = await heights();
  for (const id in before) assert.equal(now[id] > before[id], id === `s-${session.session_id}`, id);
  for (const view of ["members", "people"]) {
    await page.locator(`nav a[href="#${view}"]`).click();
    await page.locator(view === "members" ? ".rows" : "form").waitFor();
    for (const width of await page.locator("#main .list, #main form").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width))) assert.ok(width > 300 && width <= 640, `${view}: ${width}`);
  }
});

test("nothing moves where the reader wants no motion", async () => {
  for (const [reducedMotion, moves] of [["reduce", false], ["no-preference", true]]) {
    const page = await site.visit({ who: ["Coach Mette"], reducedMotion });
    await page.getByRole("button", { name: "Add sessions" }).click();
    const all = await page.locator("dialog, button").evaluateAll((all) => all.map((element) => [getComputedStyle(element).animationName, getComputedStyle(element).transitionDuration]));
    assert.equal(all.some(([name, duration]) => name !== "none" || duration !== "0s"), moves, reducedMotion);
  }
});

test("a strict Content-Security-Policy names exactly the two addresses, and holds", async () => {
  const answer = await fetch(site.url);
  const config = await (await fetch(`${site.url}/config.json`)).json();
  assert.deepEqual(config, { functionUrl: `${site.functionUrl}/`, dataUrl: site.dataUrl });
  const policy = new Map(
    answer.headers
      .get("content-security-policy")
      .split("; ")
      .map((directive) => [directive.split(" ")[0], directive.split(" ").slice(1)]),
  );
  assert.deepEqual(policy.get("connect-src"), ["'self'", config.functionUrl, config.dataUrl]);
  assert.deepEqual(policy.get("default-src"), ["'none'"]);
  for (const [name, sources] of policy) {
    if (name.endsWith("-src") && !["connect-src", "default-src"].includes(name)) assert.deepEqual(sources, ["'self'"], name);
  }
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");

  const page = await site.visit({ faults: true });
  const attempt = (work) => page.evaluate(work).then(() => "worked", (error) => String(error));
  const elsewhere = site.dataUrl.replace("data.json", "other.json");
  assert.match(await page.evaluate((url) => fetch(url).then(() => "worked", String), elsewhere), /Failed to fetch/);
  assert.match(await attempt(() => (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/);
  assert.match(await attempt(() => (document.createElement("script").text = "alert(1)")), /TrustedScript/);
  assert.match(await attempt(() => trustedTypes.createPolicy("other", {})), /disallowed/);
});

test("no source puts text in as HTML, and none asks a third party", async () => {
  for (const file of await readdir(join(root, "web"), { recursive: true })) {
    if (!/\.\w+$/.test(file)) continue;
    const text = await readFile(join(root, "web", file), "utf8");
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b/.test(text), file);
    assert.ok(!/https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(text), file);
  }
});

test("formats of dates are made once, and a year of sessions is laid out as it is scrolled to", async () => {
  const page = await site.visit({
    who: ["Coach Mette"],
    prepare: (page) =>
      page.addInitScript(() => {
        const Format = Intl.DateTimeFormat;
        window.made = 0;
        Intl.DateTimeFormat = function (...rest) {
          window.made++;
          return new Format(...rest);
        };
      }),
  });
  const made = () => page.evaluate(() => window.made);
  const before = await made();
  assert.ok(before > 0 && before < 8, `${before} formats`);
  await page.evaluate(async () => (await import(`${location.origin}/store.js`)).redraw());
  assert.equal(await made(), before);
  const laidOut = await page.locator("#coming").evaluate((list) => {
    for (let n = 0; n < 9; n++) list.append(list.firstChild.cloneNode(true));
    return [list.firstChild, list.lastChild].map((article) => getComputedStyle(article).contentVisibility);
  });
  assert.deepEqual(laidOut, ["visible", "auto"]);
});
