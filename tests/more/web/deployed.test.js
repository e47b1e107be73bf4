// What bootstrap/deploy puts into the app bucket, in a browser: the published page, with the club's own config.json
// and manifest. AWS is a stand-in that copies files; the club behind the page is the local command's.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { basics, card, choices, idOf, PUBLISHED, root, startSite, until, ZONE } from "./site.js";

const NAME = "Hwarang & Søn København";
/** Not the viewer's, and without summer time. */
const ELSEWHERE = ZONE === "Asia/Kathmandu" ? "Australia/Eucla" : "Asia/Kathmandu";
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".png": "image/png" };

let site;
let tree;
before(async () => {
  site = await startSite(PUBLISHED);
  await site.reset();
  tree = await mkdtemp(join(tmpdir(), "dojang-deployed-"));
  await deploy();
});
afterEach(() => site.leave());
after(async () => {
  await site.stop();
  await rm(tree, { recursive: true });
});

const bucket = () => join(tree, "bucket");

/** Runs the real command. The owner's picture is in the bucket before. */
async function deploy() {
  const write = (name, text) => writeFile(join(tree, name), `#!/bin/bash\nset -e\n${text}\n`, { mode: 0o755 });
  await mkdir(join(tree, "bootstrap"));
  await mkdir(join(tree, "target/package"), { recursive: true });
  await mkdir(bucket());
  await cp(join(root, "bootstrap/deploy"), join(tree, "bootstrap/deploy"));
  await cp(join(root, "web"), join(tree, "web"), { recursive: true });
  await cp(join(root, "web/icon-180.png"), join(bucket(), "ours.png"));
  await write("bootstrap/package", ":");
  await write("bootstrap/page", `cp -r "${PUBLISHED}" target/package/web`);
  const outputs = { FunctionUrl: site.functionUrl, DataUrl: site.dataUrl, AppBucket: "app", ClubName: NAME, ClubColor: "#7a1f2b", ClubTimeZone: ELSEWHERE, ClubPicture: "ours.png" };
  await write(
    "aws",
    `case "$*" in
${Object.entries(outputs).map(([key, value]) => `  *describe-stacks*"'${key}'"*) echo '${value}';;`).join("\n")}
  *get-caller-identity*) echo 123456789012;;
  "s3 sync "*) cp -rn "$3/." "${bucket()}";;
  "s3 cp "*) cp "$3" "${bucket()}/\${4##*/}";;
  "lambda invoke "*) echo '{"statusCode": 200}' > "\${@: -1}";;
esac`,
  );
  const env = { ...process.env, PATH: `${tree}:${process.env.PATH}`, AWS_REGION: "eu-central-1" };
  const ended = spawnSync(join(tree, "bootstrap/deploy"), ["club"], { env, encoding: "utf8" });
  assert.equal(ended.status, 0, ended.stdout + ended.stderr);
}

/** Every file of the page comes from the bucket, but the document, which is the same: Chromium lets no other talk to 127.0.0.1. */
const fromBucket = (page) =>
  page.route(`${site.url}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (!name) return route.continue();
    const body = await readFile(join(bucket(), name)).catch(() => undefined);
    await route.fulfill(body ? { body, contentType: TYPES[extname(name)] } : { status: 404 });
  });

test("a deployed page has the club's name, colour, picture and time zone, and one can log in and answer", async () => {
  const session = basics(await site.club());
  assert.equal(await (await fetch(site.url)).text(), await readFile(join(bucket(), "index.html"), "utf8"));
  const page = await site.visit({ prepare: fromBucket });
  assert.equal(await page.title(), `Sessions – ${NAME}`);
  assert.equal(await page.locator("h1").innerText(), NAME);
  assert.equal(await page.locator("meta[name=theme-color]").getAttribute("content"), "#7a1f2b");
  assert.equal(await page.locator("h1 img").evaluate(({ complete, naturalWidth }) => complete && naturalWidth), 180);
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: ELSEWHERE, hour: "2-digit", minute: "2-digit" }).format(session.start_time * 1000);
  assert.ok((await card(page, session).locator("h4").innerText()).startsWith(time));

  await page.getByRole("link", { name: "Log in" }).click();
  await page.getByRole("textbox").fill(site.codes.Emil);
  await page.getByRole("button", { name: "Log in" }).click();
  await choices(page, session, "Emil").getByRole("button", { name: "Yes" }).click();
  const emil = idOf(await site.club(), "Emil");
  await until(site, ({ sessions }) => sessions[session.session_id].participation[emil] === "Yes");
});

test("a deployed manifest is JSON, with the club's name, colour and picture", async () => {
  const manifest = JSON.parse(await readFile(join(bucket(), "manifest.webmanifest"), "utf8"));
  assert.deepEqual([manifest.name, manifest.short_name, manifest.theme_color], [NAME, NAME, "#7a1f2b"]);
  assert.deepEqual(manifest.icons, [{ src: "ours.png", sizes: "any" }]);
  assert.equal(manifest.start_url, "./");
});
