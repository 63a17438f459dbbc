// What copies to shadows came to, in words: a line for each shadow of the route, since the start of the router that was
// asked.

import type { AnswerOf, routerApi } from '@millrace/api';

type Route = AnswerOf<typeof routerApi.endpoints.promote>['route'];
type ShadowTraffic = AnswerOf<typeof routerApi.endpoints.stats>['shadows'];

export function describeShadows({ shadows }: Pick<Route, 'shadows'>, traffic: ShadowTraffic): string[] {
  const lines = shadows.flatMap((shadow) => {
    const own = traffic.versions.find(({ version }) => version === shadow);
    const pairs = traffic.pairs.filter((pair) => pair.shadow === shadow);
    if (own === undefined) return [`shadow ${shadow}: no copy answered yet`];
    const failed = own.failures === 0 ? 'none failed' : `${own.failures} failed`;
    return [
      `shadow ${shadow}: ${own.requests} copies, ${failed}`,
      ...pairs.map(
        ({ live, rows, disagreement, meanDifference }) =>
          `  beside version ${live}: ${rows} rows` +
          (disagreement === null ? '' : `, ${(100 * disagreement).toFixed(2)} % decided differently`) +
          (meanDifference === null ? '' : `, mean difference ${Number(meanDifference.toPrecision(3))}`),
      ),
    ];
  });
  const { busy, in_flight, bytes } = traffic.dropped;
  const dropped = busy + in_flight + bytes;
  return shadows.length === 0 || dropped === 0 ? lines : [...lines, `${dropped} copies were not sent: too much to do`];
}
