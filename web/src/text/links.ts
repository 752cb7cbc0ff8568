/** Splits what somebody wrote into text and links. It stays text: nothing in it becomes markup. */
export interface Piece {
  text: string;
  /** Only `http` and `https`; anything else is text. */
  href?: string;
}

const candidate = /https?:\/\/[^\s<>"'`]+/giu;
/** What ends a sentence, or closes a bracket that was opened before the link, is no part of it. */
const trailing = /[.,;:!?…]+$/u;

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(candidate)) {
    const link = withoutTail(match[0]);
    const href = hrefOf(link);
    if (href === undefined) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: link, href });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

function withoutTail(link: string): string {
  let end = link.replace(trailing, '');
  while (end.endsWith(')') && end.split(')').length > end.split('(').length) {
    end = end.slice(0, -1).replace(trailing, '');
  }
  return end;
}

function hrefOf(link: string): string | undefined {
  try {
    const { protocol, href, username, password } = new URL(link);
    // A name before the host is there to deceive.
    if (username !== '' || password !== '') return undefined;
    return protocol === 'http:' || protocol === 'https:' ? href : undefined;
  } catch {
    return undefined;
  }
}
