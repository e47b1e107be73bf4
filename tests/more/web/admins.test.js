// What admins do: members, their roles and their login codes.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { actions, idOf, startSite } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const ADMIN = "Grandmaster Oh";
const visit = (options) => site.visit({ who: [ADMIN], hash: "#members", ...options });
const row = (page, name) => page.getByRole("listitem").filter({ has: page.getByText(name, { exact: true }) });
const dialog = (page) => page.getByRole("dialog").last();
const tap = (page, name) => dialog(page).getByRole("button", { name, exact: true }).click();
const unfold = (page, name) => dialog(page).getByText(name, { exact: true }).click();
const DANGER = "Replace code or remove";
const gone = (page) => page.waitForFunction(() => !document.querySelector("dialog"));

async function open(page, name) {
  await row(page, name).getByRole("button").click();
  await dialog(page).getByRole("heading", { name, exact: true }).waitFor();
}

async function code(page, name) {
  await open(page, name);
  await tap(page, "Invite");
  return dialog(page).getByLabel("Login code", { exact: true }).innerText();
}

test("add a member, whose code is shown at once and works", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Add member" }).click();
  await dialog(page).getByLabel("Name").fill("  Kim Lee ");
  await dialog(page).getByLabel("Role").selectOption("Coach");
  await tap(page, "Add member");
  await dialog(page).getByText("The new member logs in with this code:").waitFor();
  const token = await dialog(page).getByLabel("Login code", { exact: true }).innerText();
  await tap(page, "Close");
  await row(page, "Kim Lee").getByText("Coach", { exact: true }).waitFor();
  await site.visit({ hash: `#code=${token}` }).then((phone) => phone.getByRole("button", { name: "Log in as Kim Lee" }).waitFor());
});

test("rename a member and change the role", async () => {
  const page = await visit();
  const id = idOf(await site.club(), "Emil");
  await open(page, "Emil");
  await unfold(page, "Change name or role");
  await dialog(page).getByLabel("Name").fill("Emil Berg");
  await dialog(page).getByLabel("Role").selectOption("Coach");
  await tap(page, "Save");
  await gone(page);
  await row(page, "Emil Berg").getByText("Coach", { exact: true }).waitFor();
  const { name, role } = (await site.club()).users[id];
  assert.deepEqual([name, role], ["Emil Berg", "Coach"]);
});

test("remove a member, after being asked", async () => {
  const page = await visit();
  await open(page, "Emil");
  await unfold(page, DANGER);
  await tap(page, "Remove member");
  await dialog(page).getByText("Emil can no longer log in.").waitFor();
  await tap(page, "Keep");
  await tap(page, "Remove member");
  await tap(page, "Remove member");
  await gone(page);
  assert.equal(await row(page, "Emil").count(), 0);
  assert.ok(!Object.values((await site.club()).users).some(({ name }) => name === "Emil"));
});

test("the server's refusals appear beside what caused them", async () => {
  const page = await visit({ faults: true });
  await page.getByRole("button", { name: "Add member" }).click();
  for (const [name, words] of [
    ["Amir", "Another member has this name."],
    ["ab", "A name must have 3 to 60 characters."],
  ]) {
    await dialog(page).getByLabel("Name").fill(name);
    await tap(page, "Add member");
    await dialog(page).getByRole("alert").filter({ hasText: words }).waitFor();
  }
  await tap(page, "Close");
  await open(page, ADMIN);
  await unfold(page, "Change name or role");
  await unfold(page, DANGER);
  await dialog(page).getByLabel("Role").selectOption("Coach");
  await tap(page, "Save");
  await dialog(page).locator("form").getByRole("alert").filter({ hasText: "The last admin must stay an admin." }).waitFor();
  await tap(page, "Remove member");
  await tap(page, "Remove member");
  await dialog(page).getByRole("alert").filter({ hasText: "You cannot delete yourself." }).waitFor();
});

test("show a code and copy it", async () => {
  const page = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
  assert.equal(await code(page, "Amir"), site.codes.Amir);
  await tap(page, "Copy code");
  await dialog(page).getByRole("status").filter({ hasText: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), site.codes.Amir);
  assert.equal(await page.getByRole("button", { name: "Share invitation" }).count(), 0, "this browser cannot share");
});

test("an invitation link logs in, and no server sees the code", async () => {
  const page = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
  await code(page, "Amir");
  await tap(page, "Copy invitation link");
  await dialog(page).getByRole("status").filter({ hasText: "Copied" }).waitFor();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(link.origin, site.url);
  assert.ok(link.hash.includes(site.codes.Amir));

  const asked = [];
  const phone = await site.visit({
    hash: link.hash,
    prepare: (phone) => phone.on("request", async (request) => asked.push([request.url(), request.postData(), JSON.stringify(await request.allHeaders())])),
  });
  // Whose it is is asked first.
  await phone.getByText("This link is Amir’s.").waitFor();
  assert.equal(await phone.evaluate(() => localStorage.codes), "[]");
  await phone.getByRole("button", { name: "Log in as Amir" }).click();
  await phone.getByRole("status").filter({ hasText: "Logged in: Amir" }).waitFor();
  await phone.getByRole("group", { name: "Amir" }).first().waitFor();
  assert.ok(!phone.url().includes(site.codes.Amir), "nor does the address keep it");
  assert.ok(asked.length > 5);
  for (const [url, ...rest] of asked) assert.ok(![url.split("#")[0], ...rest].join().includes(site.codes.Amir), url);

  // A link that is opened where the page is open already.
  await phone.evaluate((code) => (location.hash = `#code=${code}`), site.codes.Birgitte);
  await phone.getByText("This link is Birgitte’s.").waitFor();
  await phone.getByRole("button", { name: "Not here" }).click();
  await phone.getByText("This link is Birgitte’s.").waitFor({ state: "detached" });
  assert.equal(await phone.evaluate(() => localStorage.codes), JSON.stringify([site.codes.Amir]));
});

test("an invitation with an old code says so", async () => {
  const phone = await site.visit({ hash: "#code=nobodyscode1" });
  await phone.locator("form").getByRole("alert").filter({ hasText: "No member has this code." }).waitFor();
});

test("an invitation that is opened without a network keeps its code for another try", async () => {
  const phone = await site.visit({ faults: true });
  await phone.route(site.dataUrl, (route) => route.abort());
  await phone.evaluate(() => localStorage.removeItem("lastKnown"));
  await phone.goto("about:blank");
  await phone.goto(`${site.url}/#code=${site.codes.Amir}`);
  await phone.getByRole("status").filter({ hasText: "No answer arrived." }).waitFor();
  await phone.unroute(site.dataUrl);
  await phone.reload();
  await phone.getByRole("button", { name: "Log in as Amir" }).waitFor();
  assert.ok(!phone.url().includes(site.codes.Amir));
});

test("share an invitation where the browser can", async () => {
  const page = await visit({
    prepare: (page) =>
      page.addInitScript(() => {
        navigator.share = async (shared) => void (window.shared = shared);
      }),
  });
  await code(page, "Amir");
  await tap(page, "Share invitation");
  await page.waitForFunction(() => window.shared);
  const shared = await page.evaluate(() => window.shared);
  assert.equal(shared.url, `${site.url}/#code=${site.codes.Amir}`);
  assert.match(shared.text, /^Amir, /);
  assert.ok(!shared.text.includes(site.codes.Amir));
});

test("replace a lost code: the old one ends, the new one works", async () => {
  const page = await visit();
  const sent = actions(site, page);
  const old = await code(page, "Emil");
  await unfold(page, DANGER);
  await tap(page, "Replace code");
  await dialog(page).getByText("The present code of Emil stops working.").waitFor();
  await tap(page, "Replace code");
  await page.getByRole("dialog").nth(1).waitFor({ state: "detached" });
  const token = await dialog(page).getByLabel("Login code", { exact: true }).innerText();
  assert.notEqual(token, old);
  assert.deepEqual(sent.map(({ action }) => action), ["admin_show_auth_token", "admin_reset_auth_token"]);
  for (const [hash, place, words] of [[old, "alert", "No member has this code."], [token, "region", "This link is Emil’s."]]) {
    const phone = await site.visit({ hash: `#code=${hash}` });
    await (place === "alert" ? phone.getByRole(place) : phone.locator("#invited")).filter({ hasText: words }).waitFor();
  }
});

test("whose own code is replaced stays logged in", async () => {
  const page = await visit();
  await open(page, ADMIN);
  await unfold(page, DANGER);
  await tap(page, "Replace code");
  await tap(page, "Replace code");
  await page.getByRole("dialog").nth(1).waitFor({ state: "detached" });
  const token = await dialog(page).getByLabel("Login code", { exact: true }).innerText();
  assert.equal(await page.evaluate(() => localStorage.codes), JSON.stringify([token]));
  await tap(page, "Close");
  assert.equal(await code(page, "Amir"), site.codes.Amir);
});

test("members can be searched", async () => {
  const page = await visit();
  await page.getByRole("searchbox").fill("coach");
  await page.getByText("3 / 10").waitFor();
  assert.equal(await page.getByRole("listitem").count(), 3);
});

test("the admins' part is for admins", async () => {
  const page = await site.visit({ who: ["Coach Hana"], hash: "#members" });
  assert.deepEqual(await page.locator("nav a").allInnerTexts(), ["Sessions", "History", "You"]);
  await page.getByRole("heading", { name: "Sessions" }).waitFor();
});

/** The answers to the first two requests, which is what one tap sends, are lost. */
async function loseTwo(page) {
  const sent = actions(site, page);
  await page.route(site.functionUrl, async (route) => {
    if (route.request().method() !== "POST" || sent.length > 2) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  return sent;
}

test("the only admin's own code is replaced, the answer is lost: another tap gets the new code", async () => {
  const page = await visit({ faults: true });
  const sent = await loseTwo(page);
  await open(page, ADMIN);
  await unfold(page, DANGER);
  await tap(page, "Replace code");
  await tap(page, "Replace code");
  await dialog(page).getByRole("alert").waitFor();
  // The page learns meanwhile that the code on this phone has ended.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByRole("link", { name: "Members", includeHidden: true }).waitFor({ state: "detached" });
  await tap(page, "Replace code");
  await page.getByRole("dialog").nth(1).waitFor({ state: "detached" });
  const token = await dialog(page).getByLabel("Login code", { exact: true }).innerText();
  assert.equal(await page.evaluate(() => localStorage.codes), JSON.stringify([token]));
  assert.equal(new Set(sent.map((action) => JSON.stringify(action))).size, 1);
  await tap(page, "Close");
  await page.getByRole("link", { name: "Members" }).waitFor();
});

test("each replacement of a code is an operation of its own", async () => {
  const page = await visit();
  const sent = actions(site, page);
  await open(page, "Emil");
  await unfold(page, DANGER);
  for (let n = 0; n < 2; n++) {
    await tap(page, "Replace code");
    await tap(page, "Replace code");
    await page.getByRole("dialog").nth(1).waitFor({ state: "detached" });
  }
  assert.equal(new Set(sent.map(({ operation_id }) => operation_id)).size, 2);
});

test("a lost answer does not make a member twice, and the results are said", async () => {
  const page = await visit({ faults: true });
  const sent = await loseTwo(page);
  await page.getByRole("button", { name: "Add member" }).click();
  await dialog(page).getByLabel("Name").fill("Kim Lee");
  await tap(page, "Add member");
  await dialog(page).getByRole("alert").waitFor();
  assert.ok(await dialog(page).getByLabel("Name").isDisabled());
  await tap(page, "Add member");
  await dialog(page).getByRole("status").filter({ hasText: "Kim Lee was added" }).waitFor();
  assert.equal(new Set(sent.map((action) => JSON.stringify(action))).size, 1);
  assert.equal(Object.values((await site.club()).users).filter(({ name }) => name === "Kim Lee").length, 1);
  await tap(page, "Close");
  await open(page, "Kim Lee");
  await unfold(page, DANGER);
  await tap(page, "Remove member");
  await tap(page, "Remove member");
  await gone(page);
  await page.locator("body > .status").filter({ hasText: "Kim Lee was removed" }).waitFor();
});

test("an invitation's code may have spaces around it", async () => {
  const phone = await site.visit({ hash: `#code=%20${site.codes.Amir}%20` });
  await phone.getByRole("button", { name: "Log in as Amir" }).waitFor();
});
