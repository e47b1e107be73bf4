// What anybody sees, without logging in.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, idOf, inOrder, later, localTime, names, secondsOf, startSite, ZONE } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

test("the coming sessions, in order, with local date and time, coach, comment and who comes", async () => {
  const sessions = inOrder(await site.club());
  for (const timezoneId of [ZONE, "America/New_York"]) {
    const format = (seconds, options) => new Intl.DateTimeFormat("en-GB", { timeZone: timezoneId, ...options }).format(seconds * 1000);
    const dateOf = (seconds) => localTime(seconds, timezoneId).slice(0, 10);
    /** The day's heading where the viewer's calendar shows `today`: with the year if it is another. */
    const heading = (seconds, today) => {
      const date = dateOf(seconds);
      const near = { [today]: "Today", [later(today, 1)]: "Tomorrow" }[date] ?? "";
      const year = date.slice(0, 4) === today.slice(0, 4) ? {} : { year: "numeric" };
      return `${near} ${format(seconds, { weekday: "long", day: "numeric", month: "long", ...year })}`;
    };
    const time = (seconds) => format(seconds, { hour: "2-digit", minute: "2-digit" });
    const before = dateOf(Date.now() / 1000);
    const page = await site.visit({ timezoneId });
    const cards = await page.locator("article").all();
    assert.equal(cards.length, sessions.length);
    // Midnight may pass meanwhile.
    const todays = [before, dateOf(Date.now() / 1000)];
    for (const [place, { start_time, end_time, comment }] of sessions.entries()) {
      const day = await cards[place].evaluate((card) => card.closest("section").querySelector("h3").textContent);
      assert.ok(todays.some((today) => day === heading(start_time, today)), `${day}, not ${heading(start_time, before)}`);
      const endDay = dateOf(end_time) === dateOf(start_time) ? "" : `${format(end_time, { day: "numeric", month: "short" })} `;
      assert.equal(await cards[place].locator("h4").innerText(), `${time(start_time)}–${endDay}${time(end_time)}`);
      assert.ok((await cards[place].innerText()).includes(comment));
    }
  }
});

/** Far ahead, so that no other session is near it. */
const YEAR = new Date().getUTCFullYear() + 2;
/** The last Sunday of October, on which Copenhagen's clocks are put back. */
const PUT_BACK = [31, 30, 29, 28, 27, 26, 25].map((day) => `${YEAR}-10-${day}`).find((date) => new Date(date).getUTCDay() === 0);

for (const [zone, date] of [
  [ZONE, `${YEAR}-06-06`],
  ["Europe/Copenhagen", later(PUT_BACK, -1)],
  ["Europe/Copenhagen", PUT_BACK],
  [ZONE, `${YEAR}-12-31`],
]) {
  test(`today and tomorrow, before and after the midnight that follows ${date.slice(5)} in ${zone}`, async () => {
    const auth_token = site.codes["Coach Hana"];
    const coach = idOf(await site.club(), "Coach Hana");
    const made = [];
    for (const wall of [`${date} 23:30`, `${later(date, 1)} 12:00`, `${later(date, 2)} 00:00`, `${later(date, 3)} 12:00`]) {
      const start_time = secondsOf(wall, zone);
      made.push((await site.post("coach_add_training_session", { auth_token, coach, start_time, end_time: start_time + 3600, comment: "near" })).session);
    }
    const time = secondsOf(`${date} 23:59`, zone) * 1000;
    const page = await site.visit({ timezoneId: zone, prepare: (page) => page.clock.install({ time }) });
    const near = () => Promise.all(made.map((session) => card(page, session).evaluate((card) => card.closest("section").querySelector("h3 b")?.textContent)));
    assert.deepEqual(await near(), ["Today", "Tomorrow", undefined, undefined]);
    await page.clock.runFor(121_000);
    await card(page, made[1]).and(page.getByRole("article", { name: /^Today/ })).waitFor();
    assert.deepEqual(await near(), [undefined, "Today", "Tomorrow", undefined]);
  });
}

test("who comes: counts and names of yes, maybe and no, and the coach", async () => {
  const session = basics(await site.club());
  const page = await site.visit();
  const text = await card(page, session).innerText();
  assert.match(text, /with Coach Hana/);
  assert.match(text, /3 yes\s+1 maybe\s+1 no/);
  assert.ok(!/Fatima|Carlos/.test(text), "names stand behind the counts");
  assert.equal(await names(page, session), "Yes Amir, Coach Hana, Fatima Maybe Birgitte No Carlos");
});

test("cancelled sessions are marked", async () => {
  const session = basics(await site.club());
  await site.post("coach_update_training_session", {
    auth_token: site.codes["Coach Hana"],
    session_id: session.session_id,
    session_state: "cancelled",
  });
  const page = await site.visit();
  await card(page, session).getByText("Cancelled", { exact: true }).waitFor();
  assert.equal(await page.getByText("Cancelled", { exact: true }).count(), 1);
});

test("sessions that are over are not shown, nor is what coaches do", async () => {
  const start_time = Math.floor(Date.now() / 1000) - 7200;
  const { session } = await site.post("coach_add_training_session", {
    auth_token: site.codes["Coach Hana"],
    coach: idOf(await site.club(), "Coach Hana"),
    start_time,
    end_time: start_time + 3600,
    comment: "over",
  });
  const page = await site.visit({ who: ["Amir"] });
  assert.equal(await page.locator("article").count(), 3);
  assert.equal(await card(page, session).count(), 0);
  assert.equal(await page.getByRole("button", { name: /attendance|Delete|Add|Change/ }).count(), 0);
  assert.deepEqual(await page.locator("nav a").allInnerTexts(), ["Sessions", "You"]);
});

test("older sessions without coach and comment are shown", async () => {
  const session = basics(await site.club());
  const page = await site.visit({
    prepare: (page) =>
      page.route(site.dataUrl, async (route) => {
        const answer = await route.fetch();
        const club = await answer.json();
        delete club.sessions[session.session_id].coach;
        delete club.sessions[session.session_id].comment;
        club.sessions[session.session_id].participation["nobody-any-more"] = "Yes";
        await route.fulfill({ response: answer, json: club });
      }),
  });
  const text = await card(page, session).innerText();
  assert.ok(!text.includes("with"), text);
  assert.match(await names(page, session), /Yes Amir, Coach Hana, Fatima/);
});

test("looking asks the page's own origin and public data, and nobody else", async () => {
  const asked = new Set();
  await site.visit({
    prepare: (page) => page.on("request", (request) => asked.add(request.url())),
  });
  assert.ok(asked.has(site.dataUrl));
  for (const url of asked) assert.ok(url.startsWith(`${site.url}/`) || url === site.dataUrl, url);
});

test("markup in names and comments, and Hangul, are shown as text", async () => {
  const name = "<img src=x onerror=alert(1)>";
  const comment = "태권도 품새 <b>심사</b>";
  const { user_id, auth_token } = await site.post("admin_create_user", {
    auth_token: site.codes["Grandmaster Oh"],
    role: "Coach",
    name,
  });
  const start_time = Math.floor(Date.now() / 1000);
  const { session } = await site.post("coach_add_training_session", {
    auth_token,
    coach: user_id,
    start_time,
    end_time: start_time + 3600,
    comment,
  });
  const page = await site.visit({ who: ["Grandmaster Oh"], hash: `#code=${auth_token}` });
  await page.getByRole("button", { name: `Log in as ${name}` }).click();
  await card(page, session).waitFor();
  const text = await card(page, session).innerText();
  assert.ok(text.includes(comment) && text.includes(`with ${name}`), text);
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  await page.getByRole("checkbox", { name }).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("rowheader", { name }).waitFor();
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("listitem").filter({ hasText: name }).getByRole("button").click();
  await page.getByRole("heading", { name }).waitFor();
  assert.equal(await page.locator("main img, dialog img, .comment b").count(), 0);
});
