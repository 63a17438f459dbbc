// The dashboard in Chromium in each state that a newcomer comes across, on a phone and wide, dark and light: what it
// says, and that nothing is wider than the screen. With DASHBOARD_SHOTS=FOLDER in the environment it leaves a
// picture of each; DASHBOARD_SHOTS=docs/images (`npm run pictures`) renews those of the documents.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openChromium } from '@millrace/testing';
import type { Browser, Page } from 'playwright-core';
import { PICTURES, PICTURES_FOLDER, pictureOf } from './dashboard-pictures.js';
import { type StateServer, serveState } from './dashboard-server.http.js';
import { STATES, sourcesOf } from './dashboard-states.js';

const WIDTHS = [390, 1280] as const;
const SCHEMES = ['light', 'dark'] as const;

let browser: Browser;
const servers = new Map<string, StateServer>();

beforeAll(async () => {
  browser = await openChromium();
  for (const [state, projects] of Object.entries(STATES))
    servers.set(state, await serveState(await sourcesOf(projects)));
}, 120_000);

afterAll(async () => {
  await browser.close();
  for (const server of servers.values()) await server.close();
});

/** Opens a state and waits until its figures stand. */
async function open(
  state: string,
  width: number,
  colorScheme: 'light' | 'dark',
  act: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage({
    colorScheme,
    viewport: { width, height: 900 },
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(servers.get(state)?.url ?? '');
  const projects = STATES[state] ?? [];
  if (projects.length === 1) await page.locator('#alarms > *').first().waitFor();
  else
    await page
      .locator(projects.length === 0 ? '#start li' : '#projects li')
      .first()
      .waitFor();
  await act(page);
  expect(faults).toEqual([]);
  await page.close();
}

const wide = (state: string, act: (page: Page) => Promise<void>) => open(state, 1280, 'light', act);
/** Run in the page: what can be scrolled sideways or stands out of the screen. */
const OVERFLOWING = `[...document.querySelectorAll('*')]
  .filter((each) => {
    const scrolls = /auto|scroll/.test(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth;
    const { right, width } = each.getBoundingClientRect();
    return scrolls || (width > 1 && right > innerWidth + 0.5);
  })
  .map((each) => each.outerHTML.slice(0, 120))`;
/** Run in the page: notes of the tiles that end in dots for want of room. */
const CUT = `[...document.querySelectorAll('.tile .note')]
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.textContent)`;
/** Run in the page: texts whose contrast is below what WCAG AA asks for. */
const UNREADABLE = `(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = parts(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    const [, , , alpha = 1] = parts(backgroundColor);
    return alpha === 0 && element.parentElement ? groundOf(element.parentElement) : backgroundColor;
  };
  return [...document.querySelectorAll('body *')]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.clientWidth !== 1)
    .map((each) => {
      const { color, fontSize, fontWeight } = getComputedStyle(each);
      const [light, dark] = [luminance(color), luminance(groundOf(each))].sort((a, b) => b - a);
      const size = Number.parseFloat(fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      return { each, ratio: (light + 0.05) / (dark + 0.05), least: isLarge ? 3 : 4.5 };
    })
    .filter(({ ratio, least }) => ratio < least)
    .map(({ each, ratio }) => ratio.toFixed(2) + ' ' + each.outerHTML.slice(0, 100));
})()`;
/** Colour and shape of each element. */
const lookOf = (page: Page, selector: string): Promise<[colour: string, shape: string][]> =>
  page.evaluate(
    `[...document.querySelectorAll('${selector}')].map((e) => [getComputedStyle(e).backgroundColor, e.className])`,
  );
const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();

describe('each state', () => {
  const cases = Object.keys(STATES).flatMap((state) =>
    WIDTHS.flatMap((width) => SCHEMES.map((scheme) => [state, width, scheme] as const)),
  );
  it.each(cases)('%s fits into %i px (%s)', async (state, width, scheme) => {
    await open(state, width, scheme, async (page) => {
      // Neither the page nor anything in it can be scrolled sideways or stands out of the page.
      const over = await page.evaluate(OVERFLOWING);
      expect(over).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(await page.evaluate(UNREADABLE)).toEqual([]);
      expect(await page.evaluate(CUT)).toEqual([]);
      const path = pictureOf(`${state}-${width}-${scheme}`);
      if (path !== undefined) await page.screenshot({ path, fullPage: true });
    });
  });
});

it('every picture of the documents is one of these', () => {
  expect(Object.values(PICTURES).sort()).toEqual(readdirSync(PICTURES_FOLDER).sort());
  const cases = Object.keys(STATES).flatMap((state) =>
    WIDTHS.flatMap((width) => SCHEMES.map((scheme) => `${state}-${width}-${scheme}`)),
  );
  expect(Object.keys(PICTURES).filter((name) => !cases.includes(name))).toEqual([]);
});

it('of a hundred versions lists the newest, those that serve, and where the others are; of eight arms those that are not there', async () => {
  await wide('100-versions', async (page) => {
    const versions = await texts(page, '#versions tbody tr strong');
    expect(versions).toHaveLength(21);
    expect([versions[0], versions.at(-2), versions.at(-1)]).toEqual(['version 100', 'version 81', 'version 1']);
    expect(await texts(page, '#versions p')).toEqual(['79 older ones: npx millrace models loans']);
    // Two of the eight arms are not there; version 1 has the fifth that takes no part.
    expect(await texts(page, '#split li')).toEqual([
      ...['version 1 · blue · 20 %', 'version 93 · control arm · 30.4 %', 'version 94 · arm · 9.6 %'],
      ...['version 95 · arm · 9.6 %', 'version 96 · arm · 9.6 %', 'version 97 · arm · 10.4 %'],
      'version 98 · arm · 10.4 %',
    ]);
    expect(await page.locator('#split').textContent()).toContain(
      'Serving does not have version 99, 100: version 93 answers instead.',
    );
  });
});

describe('a newcomer', () => {
  it('gets the three commands where nothing is applied, each to copy by keyboard', async () => {
    await wide('empty', async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      expect(await texts(page, '#start code')).toEqual([
        'npx millrace new FILE',
        'npx millrace ingest PROJECT --file FILE',
        'npx millrace train PROJECT',
      ]);
      await page.getByRole('button', { name: 'Copy: npx millrace new FILE' }).focus();
      await page.keyboard.press('Enter');
      await page.getByText('Copied').waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe('npx millrace new FILE');
    });
  });

  it('gets the next commands of a project without a model, and of a model without traffic', async () => {
    await wide('no-model', async (page) => {
      expect(await texts(page, '#next code')).toEqual([
        'npx millrace ingest loans --file FILE',
        'npx millrace train loans',
      ]);
      await page.getByText('nothing served', { exact: true }).waitFor();
      expect(await page.getByText('live', { exact: true }).count()).toBe(0);
    });
    await wide('no-traffic', async (page) => {
      expect(await texts(page, '#next code')).toEqual([`npx millrace predict loans --row '{"amount":0,"income":1}'`]);
      await page.locator('#connection', { hasText: 'live' }).waitFor();
    });
    await wide('quiet', async (page) => expect(await page.locator('#next').isVisible()).toBe(false));
  });

  it('sees all projects first, those with alarms before the others, and finds the way in and back by keyboard', async () => {
    await wide('overview', async (page) => {
      expect(await texts(page, '#projects h3')).toEqual(['flights', 'churn', 'loans']);
      const [flights = '', churn = '', loans = ''] = await texts(page, '#projects > li');
      expect(flights).toMatch(/live version 1 50 % version 2 50 %/);
      expect(flights).toMatch(/\d alarms? rings?|\d alarms ring/);
      expect(flights).toContain('A retraining is over: it pauses.');
      expect(churn).toContain('nothing served');
      expect(churn).toContain('npx millrace train churn');
      expect(loans).toContain('no alarm rings');
      await page.getByRole('link', { name: 'flights' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('#alarms .pill').first().waitFor();
      expect(await page.locator('#overview').isVisible()).toBe(false);
      await page.getByRole('link', { name: 'All projects' }).click();
      await page.locator('#projects').waitFor();
      expect(await page.locator('#project').isVisible()).toBe(false);
    });
    // One alone opens at once, with a way back.
    await wide('quiet', async (page) => {
      await page.getByRole('link', { name: 'All projects' }).click();
      await page.locator('#projects h3').first().waitFor();
      expect(await texts(page, '#projects h3')).toEqual(['loans']);
    });
  });
});

describe('a version that had another one to beat', () => {
  it('says by how much it was better, how sure, than which one and on how many rows', async () => {
    await wide('alarms', async (page) => {
      await page
        .locator('#versions small', {
          hasText: 'Log loss −0.0120, 80 % of −0.0180 to −0.0060, against version 1 (in service) on 2,000 rows',
        })
        .waitFor();
      expect(await page.locator('#versions small').count()).toBe(1);
    });
  });
});

describe('a version whose package brings no reference', () => {
  it('says how many of its first rows there are', async () => {
    await wide('own-reference', async (page) => {
      await page.locator('#versions .pill', { hasText: 'reference: 812 of 1,000 rows' }).waitFor();
    });
    await wide('quiet', async (page) =>
      expect((await texts(page, '#versions .pill')).join()).not.toContain('reference'),
    );
  });
});

describe('a project without a label', () => {
  it('says so where quality would stand, and that its version was held to no gate', async () => {
    await wide('no-label', async (page) => {
      expect(await texts(page, '#chart-auc .none, #chart-loss .none')).toEqual(
        Array(2).fill('The project has no label, so how good its answers are is not known.'),
      );
      expect((await texts(page, '#tiles .tile')).join()).toContain('Labels joined–there is no label');
      expect(await texts(page, '#versions .pill')).toEqual(['live 100 %', 'not judged']);
      const trained = ['trained on', 'workers', 'datasets'].map((head) => `#versions tbody [data-head="${head}"]`);
      for (const cell of trained) expect(await texts(page, cell)).toEqual(['–']);
      expect(await page.locator('#loop').textContent()).toContain('It waits for nothing: the project has no label');
    });
  });

  it('is sent to a model that somebody has, not to a training', async () => {
    await wide('no-label-model', async (page) =>
      expect(await texts(page, '#next code')).toEqual(['npx millrace models register FILE --project loans --unjudged']),
    );
  });
});

describe('before a window has closed', () => {
  it('says when the first one does', async () => {
    // A minute and a second of allowed lateness.
    await wide('first-window', async (page) =>
      expect(await page.locator('#windows').textContent()).toBe(
        'No window has closed yet. The first closes when event time has passed 10 Mar 2026 14:32:01 UTC.',
      ),
    );
    await wide('no-traffic', async (page) =>
      expect(await page.locator('#windows').textContent()).toBe(
        'No window yet: the first opens with the first answer.',
      ),
    );
  });
});

describe('the loop', () => {
  it('says its phase, what it waits for and until when, and its last decision', async () => {
    await wide('loop-waits', async (page) => {
      expect((await texts(page, '#loop p')).join('\n')).toBe(
        'Drift was seen: it gathers rows from after it. It waits for 2 dataset versions with rows from after the drift, ' +
          'at the earliest when the data’s own time has come to 10 Mar 2026 14:34 UTC.',
      );
      expect(await texts(page, '#loop .decisions li')).toEqual(['14:30:30 drift of amount: ks 0.384 against 0.1']);
    });
    await wide('alarms', async (page) => {
      expect(await page.locator('#loop').textContent()).toContain('until 14:42:05.');
    });
  });
});

describe('a question of the loop', () => {
  it('says about what, until when, how many people are wanted, and who has said what', async () => {
    await wide('loop-asks', async (page) => {
      expect((await texts(page, '#loop .asked p, #loop .asked li')).join('\n')).toBe(
        'It asks about the retraining, asked since 14:30:30; given up at 15:55:25. 2 different people have to approve; ' +
          '1 still wanted.\nanna (said) approved at 14:31:35: the storm is over',
      );
      expect(await texts(page, '#loop-words button')).toEqual(['Approve…', 'Refuse…', 'Stop the loop…']);
      expect((await texts(page, '#loop .decisions li'))[0]).toContain(
        'would save about 12 to 40 until 17 Mar, it costs 9',
      );
      expect(await texts(page, '#loop td')).toEqual(['income', 'psi', '0.3', '0.2', '10 Mar 2026 14:22 UTC', '1']);
    });
  });
});

describe('a rollout', () => {
  it('says its step, share, since when, what comes next and when, and what is thought of it', async () => {
    await wide('rollout-in-steps', async (page) => {
      expect(await texts(page, '#rollout-facts dd')).toEqual([
        ...['2 of 3', '20 % of the traffic', '14:30:30', '50 %, at 15:00:30 at the earliest', 'the time of the step'],
      ]);
      const cells = await texts(page, '#rollout-analysis tbody tr:first-child td');
      expect(cells).toEqual([
        ...['errors', 'not decided yet', '4 of 1,351', '11 of 5,402', '+0.1', '−0.8 to +1.9', 'about 2,100'],
      ]);
      expect(await texts(page, '#rollout-words button')).toEqual(['Next step…', 'Pause…', 'Promote…', 'Abort…']);
    });
  });

  it('tells labelled quality as losses of labels, and a check with when a person is asked and how it can be seen', async () => {
    await wide('rollout-in-steps', async (page) => {
      const cells = await texts(page, '#rollout-analysis tbody tr:last-child td');
      expect(cells).toEqual([
        ...['quality', 'not decided yet', '0.184 of 512 labels', '0.181 of 2,040 labels'],
        ...['+0.0031', '−0.0217 to +0.0279', 'about 3,000 labels'],
      ]);
      expect(await texts(page, '#rollout-analysis tbody tr:nth-last-child(2) td')).toEqual([
        ...['drift', 'not decided yet', 'amount drifts (psi 0.31, rings at 0.2, of 900 rows)', 'no drift'],
        ...['+1', '–', '–'],
      ]);
    });
    await wide('rollout-in-check', async (page) => {
      expect(await texts(page, '#rollout-facts dd')).toEqual([
        ...['1 of 1, the check before the switch', '0 % of the traffic', '14:30:30'],
        ...['all traffic, at 15:00:30 at the earliest', 'the time of the check', '15:00:30', 'model version preview'],
      ]);
    });
  });

  it('an experiment: who meets which arm, how much of the traffic takes part, and until when', async () => {
    await wide('experiment', async (page) => {
      expect(await texts(page, '#split li')).toEqual(['version 1 · control arm · 70 %', 'version 2 · arm · 30 %']);
      expect(await page.locator('#split').textContent()).toContain(
        'Experiment prices: 50 % of the traffic takes part, until 15:00:25.',
      );
      expect(await texts(page, '#versions .pill.good')).toEqual(expect.arrayContaining(['live 30 %', 'live 70 %']));
    });
  });

  it('says who has paused it and why, and how it goes on', async () => {
    await wide('rollout-paused', async (page) => {
      expect(await page.locator('#rollout-facts').textContent()).toContain('Pausedsince 14:31:35 by bob (said)');
      expect(await texts(page, '#rollout-words button')).toEqual(['Resume…', 'Promote…', 'Abort…']);
    });
    await wide('quiet', async (page) => expect(await page.locator('#rollout').isVisible()).toBe(false));
  });
});

describe('the audit', () => {
  it('says who did what, from where, why and with what result, newest first', async () => {
    await wide('loop-asks', async (page) => {
      const rows = page.locator('#audit tbody tr');
      expect(await rows.count()).toBe(3);
      expect(await rows.first().locator('td').allTextContents()).toEqual([
        ...['14:31:35', 'anna', 'dashboard, 10.0.0.9', 'loop.approve the retraining', 'the storm is over'],
        'applied the retraining is approved (anna: the storm is over): it waits for a second person beside anna',
      ]);
      expect(await rows.nth(1).locator('.pill').textContent()).toBe('refused');
      expect(await rows.nth(2).locator('td').nth(1).textContent()).toBe('–');
    });
  });
});

describe('what the terminal says, too', () => {
  it('is the drift that the loop answers and the drift that lasts', async () => {
    await wide('loop-drifts', async (page) => {
      const said = await texts(page, '#loop p');
      expect(said).toContain('Because of drift of amount (ks).');
      expect(said).toContain('Drift that lasts: income since 2026-03-10T14:22:00Z, 1 retraining did not end it.');
    });
  });

  it('is that labels met no prediction: "quality appears when labels have arrived" stood beside "2,450 unmatched"', async () => {
    await wide('lost-labels', async (page) => {
      await page.locator('#labels-say', { hasText: /^[\d,]+ of [\d,]+ labels met no prediction: / }).waitFor();
      expect(await texts(page, '#chart-auc .none')).toEqual(['No labelled window yet.']);
    });
    await wide('quiet', async (page) => expect(await page.locator('#labels-say').isVisible()).toBe(false));
  });
});

describe('traffic in bursts', () => {
  it('has its latency drawn: lone points were without a mark, and the chart empty', async () => {
    await wide('bursts', async (page) => {
      const drawn = await page.evaluate(`(() => {
        const canvas = document.querySelector('#chart-latency canvas');
        const [r, g, b] = getComputedStyle(document.body).color.match(/\\d+/g).map(Number);
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let pixels = 0;
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 30) pixels++;
        return pixels;
      })()`);
      // Fifteen seconds have answers; a mark has some ten pixels.
      expect(drawn).toBeGreaterThan(80);
    });
  });
});

describe('a version that the route has left', () => {
  it('is grey at once, and no alarm rings for it any more: "Active alarms 2" in red until it was retired', async () => {
    await wide('left-version', async (page) => {
      const rows = page.locator('#alarms tbody tr', { hasText: 'version 1' });
      expect(await rows.locator('.pill').first().textContent()).toBe('no traffic any more');
      expect(await rows.locator('.pill.bad, .pill.warn').count()).toBe(0);
      const tile = page.locator('#tiles .tile', { hasText: 'Active alarms' });
      expect(await tile.textContent()).toMatch(/^Active alarms\d+\d+ without traffic now$/);
    });
  });
});

describe('windows and alarms', () => {
  it('shows the value now beside the first and since when, and tells screen readers what rings', async () => {
    await wide('alarms', async (page) => {
      const row = page.locator('#alarms tbody tr', { hasText: /amount.*version 1/ }).first();
      const now = await row.locator('[data-head="value now"]').textContent();
      const first = await row.locator('[data-head="at first"]').textContent();
      // Of one test, so that they compare.
      expect(now).toMatch(/^[\d.]+of 0\.1/);
      expect(first).toMatch(/^[\d.]+of 0\.1p/);
      expect(Number.parseFloat(now ?? '')).toBeGreaterThan(Number.parseFloat(first ?? ''));
      expect(await row.locator('[data-head="since"]').textContent()).toContain('10 Mar 14:22–14:23');
      // Another test is the farthest above its threshold by now, and is named.
      expect(now).toMatch(/psi: [\d.]+ of 0\.2$/);
      expect(await page.locator('#announced[aria-live]').textContent()).toMatch(/^Alarms ring: .*amount/);
    });
  });

  it('is grey, not orange, where rows are too few to be tested', async () => {
    await wide('too-few-rows', async (page) => {
      const cells = page.locator('#windows .cell');
      // The twelfth window is still open.
      expect(await cells.count()).toBe(11);
      expect(await page.locator('#windows .cell.few').count()).toBe(11);
      expect(await cells.first().getAttribute('aria-label')).toContain('too few rows, 37 of the 100 that tests need');
      const colour = (await lookOf(page, '#windows .cell'))[0]?.[0] ?? '';
      const [r = 0, g = 0, b = 0] = (colour.match(/\d+/g) ?? []).map(Number);
      expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(25);
    });
  });

  it('says until when quality waits for labels, and of which requests nothing is known', async () => {
    await wide('waits-for-labels', async (page) => {
      const waiting = page.locator('#windows .cell.waits');
      expect(await waiting.count()).toBe(11);
      const title =
        '10 Mar 14:20–14:21: quality waits for labels, at the earliest when the data’s own time has come to 9 Apr 2026 14:21:01 UTC';
      expect(await waiting.first().getAttribute('aria-label')).toBe(title);
      expect(await page.locator('#chart-auc').textContent()).toContain(
        'waits for labels, at the earliest when the data’s own time has come to 9 Apr 2026 14:21:01 UTC',
      );
      const software = page.locator('#windows button[data-id^="@software"]').first();
      expect(await software.getAttribute('aria-label')).toContain('failed requests: no data');
    });
  });

  it('labels windows of a minute by the minute', async () => {
    await wide('quiet', async (page) => {
      const heads = await texts(page, '#windows thead th');
      expect(heads.filter((text) => text !== '').every((text) => /^\d\d:\d\d$/.test(text))).toBe(true);
      expect(heads.at(0)).toBe('13:52');
      await page.locator('#windows button').first().click();
      expect(await page.locator('#window-detail h2').textContent()).toContain('10 Mar 13:52–13:53');
    });
  });

  it('shows where time without rows lies between two windows', async () => {
    await wide('pause', async (page) => {
      const after = page.locator('#windows tbody tr').first().locator('td.gap');
      expect(await after.count()).toBe(1);
      expect(await after.locator('button').getAttribute('aria-label')).toContain('10 Mar 14:15–14:16');
      expect(await texts(page, '#windows thead th')).toContain('14:15');
      await page.locator('#windows .legend', { hasText: 'after a time without rows' }).waitFor();
    });
    await wide('quiet', async (page) => expect(await page.locator('#windows .gap').count()).toBe(0));
  });

  it('marks rollouts and restarts', async () => {
    await wide('alarms', async (page) => {
      expect(await texts(page, '#marks li')).toEqual([
        'restart 14:28:55 router restarted',
        'rollout 14:30:25 version 1: 50 %, version 2: 50 %',
        'restart 14:31:25 ingest restarted',
      ]);
    });
  });
});

describe('the keyboard', () => {
  it('skips to the content, and does not leave the project by it', async () => {
    await wide('alarms', async (page) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.id')).toBe('main');
      expect(await page.locator('#project').isVisible()).toBe(true);
      expect(await page.title()).toBe('loans – Millrace');
    });
  });

  it('has one stop at the windows, from where the arrows go on; Enter shows the tests', async () => {
    await wide('alarms', async (page) => {
      expect(await page.locator('#windows button[tabindex="0"]').count()).toBe(1);
      await page.locator('#windows button[tabindex="0"]').focus();
      const at = () => page.evaluate('document.activeElement.getAttribute("aria-label")');
      expect(await at()).toMatch(/^amount, 10 Mar 14:30–14:31: .*alarm$/);
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowDown');
      expect(await at()).toMatch(/^income, 10 Mar 14:29–14:30: /);
      // At the edge it stays.
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowUp');
      expect(await at()).toMatch(/^amount, 10 Mar 14:29–14:30: /);
      await page.keyboard.press('Enter');
      expect(await page.locator('#window-detail h2').textContent()).toContain('amount');
    });
  });
});

describe('a screen reader', () => {
  it('hears the newest values of the charts', async () => {
    await wide('alarms', async (page) => {
      expect(await page.locator('#chart-traffic').getAttribute('aria-label')).toMatch(
        /^Predictions per second by model version\. Newest: version 1 \d+, version 2 \d+\.$/,
      );
    });
    await wide('no-traffic', async (page) => {
      const text = 'Predictions per second by model version. No predictions in the last five minutes.';
      expect(await page.locator('#chart-traffic').getAttribute('aria-label')).toBe(text);
    });
  });
});

describe('colours of versions', () => {
  it.each(SCHEMES)('are eight that stand out of the card, each version the same everywhere (%s)', async (scheme) => {
    await open('many-versions', 1280, scheme, async (page) => {
      const dots = (await lookOf(page, '#versions .dot')).reverse();
      expect(dots).toHaveLength(12);
      expect(new Set(dots.slice(0, 8).map(([colour]) => colour)).size).toBe(8);
      // The ninth has the first one's colour and another shape.
      expect(new Set(dots.map(String)).size).toBe(12);
      expect(await lookOf(page, '#split .dot')).toEqual(dots.slice(9));
      const card = (await lookOf(page, '.card')).at(-1)?.[0] ?? '';
      for (const [colour] of dots) expect(contrast(colour, card)).toBeGreaterThan(3);
    });
  });

  it('do not change when another version comes', async () => {
    const colourOf = async (state: string) => {
      let colour = '';
      await wide(state, async (page) => {
        colour = (await lookOf(page, '#versions .dot')).at(-1)?.[0] ?? '';
      });
      return colour;
    };
    expect(await colourOf('many-versions')).toBe(await colourOf('quiet'));
  });
});

/** WCAG 2.2: contrast of two colours "rgb(r, g, b)". */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (colour.match(/\d+/g) ?? []).map((text) => {
    const share = Number(text) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
