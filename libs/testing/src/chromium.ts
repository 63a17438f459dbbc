// The Chromium of this machine, driven through playwright-core. Where there is none the test fails and says how to get one.

import { accessSync, constants } from 'node:fs';
import { environment } from '@millrace/config';
import type { Browser } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there
  }
}

export async function openChromium(): Promise<Browser> {
  const named = environment().MILLRACE_TEST_CHROMIUM;
  const places = named === undefined || named === '' ? PLACES : [named];
  const executablePath = places.find(isExecutable);
  if (executablePath === undefined) {
    throw new Error(
      `no Chromium at ${places.join(', ')}: install one (Debian, Ubuntu: apt-get install -y chromium) ` +
        'or name it in MILLRACE_TEST_CHROMIUM',
    );
  }
  // Only where a browser is wanted: loading the driver takes a third of a second.
  const { chromium } = await import('playwright-core');
  // Containers and CI run as root, where Chromium's sandbox does not start; the page under test is our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
