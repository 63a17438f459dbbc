import { describe, expect, it } from '@jest/globals';
import { type Api, ingestApi, monitorApi, openApiOf, routerApi, servingApi, trainerApi } from './index.js';

const APIS: readonly Api[] = [ingestApi, trainerApi, routerApi, servingApi, monitorApi];

describe.each(APIS.map((api) => [api.service, api] as const))('the document of %s', (_, api) => {
  const document = openApiOf(api, '0.1.0');
  const text = JSON.stringify(document);

  it('has every call under its path and method, with a name of its own', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
    );
    const calls = Object.entries(api.endpoints).map(
      ([name, { method, path }]) => `${name} ${method.toLowerCase()} ${path.replace('*}', '}')}`,
    );
    expect(operations.sort()).toEqual(calls.sort());
  });

  it('names every parameter of a path', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const operation of Object.values(item)) {
        const named = (operation.parameters as { name: string; in: string }[]).filter((one) => one.in === 'path');
        expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      }
    }
  });

  it('refers to schemas that are there, and has none that nobody refers to', () => {
    const used = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual(Object.keys(document.components.schemas));
  });
});
