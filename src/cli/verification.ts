/** One thing that was looked at. */
export type Check =
  | { readonly title: string; readonly outcome: 'pass'; readonly detail: string }
  /** Not looked at, because something before it failed or it does not apply; `detail` says which. */
  | { readonly title: string; readonly outcome: 'skip'; readonly detail: string }
  | {
      readonly title: string;
      readonly outcome: 'fail';
      readonly what: string;
      readonly why: string;
      readonly fix: string;
    };

const TITLE_WIDTH = 16;

export function printCheck(check: Check): void {
  const title = check.title.padEnd(TITLE_WIDTH);
  if (check.outcome !== 'fail') {
    console.log(`${check.outcome === 'pass' ? 'ok  ' : '-   '} ${title} ${check.detail}`);
    return;
  }
  console.log(`FAIL ${title} ${check.what}`);
  console.log(`       Why  ${check.why}`);
  console.log(`       Fix  ${check.fix}`);
}
