// The page at 320, 390 and 1280 px, light, dark and in forced colours: saved as target/web/*.png, and checked by axe.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { basics, card, idOf, inOrder, root, startSite } from "./site.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = join(root, "target/web");
let site;

before(async () => {
  await mkdir(folder, { recursive: true });
  site = await startSite();
  await site.reset();
  const club = await site.club();
  const admin = site.codes["Grandmaster Oh"];
  await site.post("admin_create_user", { auth_token: admin, role: "Student", name: "<img src=x onerror=alert(1)>" });
  const coach = idOf(club, "Coach Jonas");
  const session = basics(club);
  const start_time = session.start_time + 86_400;
  const auth_token = site.codes["Coach Jonas"];
  const added = await site.post("coach_add_training_session", { auth_token, coach, start_time, end_time: start_time + 5400, comment: "태권도 품새 심사 준비" });
  const cancelled = inOrder(club).at(-1).session_id;
  await site.post("coach_update_training_session", { auth_token, session_id: cancelled, session_state: "cancelled" });
  await site.post("any_register_participation", { joining_sessions: { [added.session.session_id]: "Yes" }, user_auth_tokens: [site.codes.Emil, site.codes.Dagny] });
});
afterEach(() => site.leave());
after(() => site.stop());

const STAFF = ["Grandmaster Oh"];
const FAMILY = ["Dagny", "Emil"];
const dialog = (page) => page.getByRole("dialog");

/** What is on screen: who visits, which view, and what is tapped there. */
const SCENES = {
  "sessions-anyone": {},
  "sessions-family": { who: FAMILY },
  "sessions-coach": { who: ["Coach Jonas"] },
  "sessions-offline-error": { who: FAMILY, faults: true, act: offline },
  "sessions-large": { who: ["Coach Jonas", "Emil"], club: large },
  "sessions-empty": { who: STAFF, club: (club) => ({ ...club, sessions: {} }) },
  people: { who: FAMILY, hash: "#people" },
  "people-error": { hash: "#people", act: wrongCode },
  history: { who: STAFF, hash: "#history", act: (page) => page.getByRole("table").waitFor() },
  members: { who: STAFF, hash: "#members", act: (page) => page.getByRole("listitem").first().waitFor() },
  "dialog-add": { who: ["Coach Jonas"], act: (page) => page.getByRole("button", { name: "Add sessions" }).click() },
  "dialog-attendance": { who: ["Coach Jonas"], act: attendance },
  "dialog-member": { who: STAFF, hash: "#members", act: member },
  "dialog-menu": { who: ["Coach Jonas"], act: openMenu },
  "dialog-ask": { who: ["Coach Jonas"], act: (page) => openMenu(page).then(() => page.getByRole("button", { name: "Delete" }).click()) },
};

/** 130 members with long names, 40 sessions, one without attendance. */
function large(club) {
  const now = Math.floor(Date.now() / 1000);
  const coach = idOf(club, "Coach Jonas");
  for (let n = 0; n < 120; n++) club.users[`member-${n}`] = { user_id: `member-${n}`, name: `Maximiliane-Wilhelmine von Hohenstein ${n}`, role: "Student", auth_token: "" };
  for (let n = 0; n < 40; n++) {
    const participation = Object.fromEntries(Object.keys(club.users).map((id, m) => [id, ["Yes", "Maybe", "No", undefined][(n + m) % 4]]));
    const start_time = now + (n - 1) * 86_400;
    club.sessions[`session-${n}`] = { session_id: `session-${n}`, start_time, end_time: start_time + 5400, state: n % 9 === 5 ? "cancelled" : "scheduled", coach, comment: "What to bring: https://example.com/list", participation };
  }
  return club;
}

async function offline(page) {
  await page.route(/data\.json/, (route) => route.abort());
  await page.route(site.functionUrl, (route) => route.abort());
  const choice = page.getByRole("group", { name: "Emil" }).first();
  await choice.getByRole("button", { name: "No", exact: true }).click();
  await choice.getByText("Not sent yet").waitFor();
  await page.getByText(/^Offline|^The network works/).waitFor();
}

async function openMenu(page) {
  await page.getByRole("button", { name: /^More/ }).last().click();
  await page.getByRole("button", { name: "Delete" }).waitFor();
}

async function wrongCode(page) {
  await page.getByRole("textbox").fill("wrongcode123");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").waitFor();
}

async function attendance(page) {
  const [session] = inOrder(await site.club());
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  await dialog(page).getByRole("checkbox").first().waitFor();
}

async function member(page) {
  await page.getByRole("button", { name: "Amir" }).click();
  await dialog(page).getByRole("button", { name: "Invite" }).click();
  await dialog(page).getByLabel("Login code", { exact: true }).waitFor();
}

for (const width of [320, 390, 1280]) {
  for (const colorScheme of ["light", "dark", "forced"]) {
    test(`pictures at ${width} px, ${colorScheme}, and no violation found by axe`, async (t) => {
      for (const [name, { act, club, ...visit }] of Object.entries(SCENES)) {
        // axe is no part of the page: the policy would not let it in.
        const options = { viewport: { width, height: width === 320 ? 640 : 800 }, ...(colorScheme === "forced" ? { forcedColors: "active" } : { colorScheme }), reducedMotion: "reduce", bypassCSP: true };
        const data = club && club(await site.club());
        const prepare = (page) => club && page.route(site.dataUrl, (route) => route.fulfill({ json: data }));
        const page = await site.visit({ ...visit, ...options, prepare });
        await act?.(page);
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: !name.startsWith("dialog") });
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${name} is wider than the screen`);
        await page.evaluate(axe);
        const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
        assert.deepEqual(found, [], name);
        // Forced colours are the reader's own.
        if (colorScheme !== "forced") assert.ok(passes.some(({ id }) => id === "color-contrast"));
        t.diagnostic(`${name}: axe passed ${passes.length} rules, 0 violations`);
        await page.context().close();
      }
    });
  }
}
