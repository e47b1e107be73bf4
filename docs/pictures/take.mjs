// Takes the README's pictures of the demo club, after tests/more/web/prepare. On a Friday afternoon the columns are three:
// tests/more/clocks/at "2026-11-27 16:20:00" node docs/pictures/take.mjs

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inOrder, SOURCE, startSite } from "../../tests/more/web/site.js";

const PICTURES = {
  phone: { who: ["Emil", "Dagny"], viewport: { width: 390, height: 640 } },
  desktop: { who: ["Coach Jonas"], viewport: { width: 1100, height: 580 } },
};

const site = await startSite(SOURCE);
const [first, second, third] = inOrder(await site.club()).slice(-3);
for (const [session, answer, name] of [[first, "Maybe", "Emil"], [first, "No", "Dagny"], [second, "Yes", "Emil"], [third, "Yes", "Coach Jonas"]]) {
  await site.post("any_register_participation", { joining_sessions: { [session.session_id]: answer }, user_auth_tokens: [site.codes[name]] });
}
for (const [name, visit] of Object.entries(PICTURES)) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await site.visit({ ...visit, colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: join(fileURLToPath(new URL(".", import.meta.url)), `${name}-${colorScheme}.png`) });
  }
}
await site.leave();
await site.stop();
