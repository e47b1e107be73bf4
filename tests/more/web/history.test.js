// The history: has this member trained enough for the next grading?

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, idOf, inOrder, later, localTime, startSite, weekdayOf } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

test("the history: dates and members with totals, as recorded", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  const club = await site.club();
  const now = Math.floor(Date.now() / 1000);
  const history = await site.post("coach_get_historical_participation", {
    auth_token: site.codes["Coach Hana"],
    start_time: now - 182 * 86_400,
    end_time: now,
  });
  const sessions = Object.values(history).sort((b, a) => a.session.start_time - b.session.start_time);
  assert.ok(sessions.length > 30);
  assert.equal(await page.getByRole("columnheader").count(), sessions.length + 2);
  for (const user of Object.values(club.users)) {
    const row = page.locator("tbody tr").filter({ has: page.getByRole("rowheader", { name: user.name, exact: true }) });
    const attended = sessions.map(({ participants }) => participants.includes(user.user_id));
    const cells = (await row.getByRole("cell").allInnerTexts()).map((text) => text.trim());
    assert.equal(cells[0], String(attended.filter(Boolean).length), user.name);
    assert.deepEqual(cells.slice(1).map((text) => text !== ""), attended, user.name);
  }
});

test("the history of a period and a weekday, and who has trained enough", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  const all = await page.getByRole("columnheader").count();
  // It has taken place every week.
  const day = weekdayOf(basics(await site.club()));
  await page.getByLabel("Weekday").selectOption(day);
  const ofTheDay = (await page.getByRole("columnheader").count()) - 2;
  assert.equal(ofTheDay, 19);
  await page.getByText("19 sessions").first().waitFor();
  assert.ok(ofTheDay + 2 < all);
  await page.getByLabel("Weekday").selectOption("Every day");
  assert.equal(await page.getByRole("columnheader").count(), all);
  await page.getByLabel("Weekday").selectOption(day);
  await page.getByLabel("Needed for grading").fill("15");
  await page.getByLabel("Needed for grading").blur();
  const enough = await page.locator("tbody tr").filter({ hasText: "enough" }).getByRole("rowheader").allInnerTexts();
  const totals = await page.locator("tbody tr td:nth-child(2)").allInnerTexts();
  assert.equal(enough.length, totals.filter((total) => parseInt(total, 10) >= 15).length);
  assert.ok(enough.includes("Coach Hana") && !enough.includes("Grandmaster Oh"), enough);

  // 28 days have each day of the week four times.
  const today = localTime(Date.now() / 1000).slice(0, 10);
  const back = (days) => later(today, -days);
  await page.getByLabel("From").fill(back(29));
  await page.getByLabel("To", { exact: true }).fill(back(2));
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("4 sessions").first().waitFor();
  await page.getByLabel("From").fill(back(1));
  await page.getByRole("button", { name: "Show" }).click();
  // The browser refuses it, beside the field and in its own words.
  assert.equal(await page.getByLabel("To", { exact: true }).evaluate((input) => input.validity.rangeUnderflow), true);
  await page.getByText("4 sessions").first().waitFor();
  // The function refuses what the browser lets through.
  await page.getByLabel("To", { exact: true }).fill(back(-60));
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("alert").filter({ hasText: "The period must end within 31 days from now." }).waitFor();
  site.expectFaults();
});

test("former members keep their rows", async () => {
  const club = await site.club();
  await site.post("admin_delete_user", { auth_token: site.codes["Grandmaster Oh"], user_id: idOf(club, "Amir") });
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  const row = page.locator("tbody tr").last();
  assert.match(await row.innerText(), /^Former member\s+3\d/);
});

test("the history as CSV, in which a name is not taken for a formula", async () => {
  const admin = site.codes["Grandmaster Oh"];
  await site.post("admin_create_user", { auth_token: admin, role: "Student", name: '=1+"2"' });
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
  assert.match(download.suggestedFilename(), /^\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.csv$/);
  const text = await readFile(await download.path(), "utf8");
  assert.ok(text.startsWith("\ufeff"));
  const lines = text.slice(1).trimEnd().split("\r\n");
  assert.equal(lines.length, 12);
  assert.match(lines[0], /^"Name","Total"(,"\d{4}-\d\d-\d\d \d\d:\d\d"){38}$/);
  assert.ok(lines.some((line) => line.startsWith(`"'=1+""2""","0","0"`)));
  for (const line of lines.slice(1)) {
    const [, total, ...flags] = line.replace(/^".*?",(?=")/, '"",').split(",").map((cell) => Number(cell.replaceAll('"', "")));
    assert.equal(flags.reduce((sum, flag) => sum + flag), total, line);
  }
});

test("attendance that was taken meanwhile is in the history", async () => {
  const [session] = inOrder(await site.club());
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  const before = await page.getByRole("columnheader").count();
  await page.getByRole("link", { name: "Sessions" }).click();
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.waitForFunction(() => !document.querySelector("dialog"));
  await page.getByRole("link", { name: "History" }).click();
  await page.waitForFunction((count) => document.querySelectorAll("thead th").length === count, before + 1);
});

test("a date that is emptied or too early is not used", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  for (const [label, date] of [["From", ""], ["To", ""], ["From", "0002-01-01"], ["To", "2000-01-01"]]) {
    const before = await page.getByLabel(label, { exact: true }).inputValue();
    await page.getByLabel(label, { exact: true }).fill(date);
    await page.getByLabel(label, { exact: true }).blur();
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("table").waitFor();
    // What is on screen at first is what was found before.
    await page.locator("#main .loading").waitFor({ state: "detached" });
    assert.equal(await page.getByLabel(label, { exact: true }).inputValue(), before);
    assert.equal(await page.getByRole("alert").count(), 0);
  }
});

test("a period that is moved back from its end is the one that is asked for", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history" });
  await page.getByRole("table").waitFor();
  await page.getByLabel("To", { exact: true }).fill("2024-06-30");
  await page.getByLabel("From", { exact: true }).fill("2024-01-01");
  const to = await page.getByLabel("To", { exact: true }).inputValue();
  const [request] = await Promise.all([
    page.waitForRequest((request) => request.postData()?.includes("coach_get_historical_participation")),
    page.getByRole("button", { name: "Show" }).click(),
  ]);
  const asked = await page.evaluate((end) => new Date(end * 1000 - 1).toLocaleDateString("sv"), request.postDataJSON().end_time);
  assert.equal(asked, to);
});

test("the separator that was chosen is remembered", async () => {
  const page = await site.visit({ who: ["Coach Hana"], hash: "#history" });
  const separator = page.getByLabel("Separator of the CSV");
  assert.equal(await separator.inputValue(), ",");
  for (const [chosen, between] of [["Tab", "\t"], ["Semicolon ;", ";"]]) {
    await separator.selectOption({ label: chosen });
    await page.reload();
    assert.equal(await separator.inputValue(), between);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
    const text = await readFile(await download.path(), "utf8");
    assert.ok(text.startsWith(`\ufeff"Name"${between}"Total"${between}`), text.slice(0, 40));
  }
});

test("Danish: the CSV's separator is a semicolon; its name is the period that was fetched", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#history", locale: "da-DK" });
  await page.getByRole("table").waitFor();
  const from = await page.getByLabel("Fra").inputValue();
  await page.getByLabel("Fra").fill("2026-01-01");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Hent CSV" }).click()]);
  assert.ok(download.suggestedFilename().startsWith(`${from}_`), download.suggestedFilename());
  const text = await readFile(await download.path(), "utf8");
  assert.match(text.slice(1), /^"Navn";"I alt"(;"\d{4}-\d\d-\d\d \d\d:\d\d"){38}\r\n/);
});
