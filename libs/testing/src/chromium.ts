// The Chromium that set-up found or brought (tools/setup/chromium.mjs), driven through playwright-core.

import { environment } from '@millrace/config';
import type { Browser } from 'playwright-core';
import { setupState } from './setup-state.js';

export async function openChromium(): Promise<Browser> {
  const { chromium: found } = setupState();
  if (found === undefined) throw new Error('set-up has brought no Chromium yet: run `npm test` once');
  // The packaged one brings its libraries and a font; see fonts.conf in its folder. The language is named, because a
  // bare machine's locale "C" becomes a tag that Intl refuses ("en-US@posix").
  const own: Record<string, string> = {
    LC_ALL: 'en_US.UTF-8',
    ...(found.libFolder === undefined ? {} : { LD_LIBRARY_PATH: found.libFolder }),
    ...(found.fontsFolder === undefined ? {} : { FONTCONFIG_PATH: found.fontsFolder }),
  };
  const inherited = Object.entries(environment()).filter((entry): entry is [string, string] => entry[1] !== undefined);
  // Only where a browser is wanted: loading the driver takes a third of a second.
  const { chromium } = await import('playwright-core');
  // Containers and CI run as root, where Chromium's sandbox does not start; the page under test is our own.
  return chromium.launch({
    executablePath: found.binary,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    env: { ...Object.fromEntries(inherited), ...own },
  });
}
