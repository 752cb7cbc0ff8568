import { expect, test } from 'vitest';
import { pieces } from '../src/text/links';

function links(text: string): string[] {
  return pieces(text).flatMap(({ href }) => href ?? []);
}

test('a link is found in a sentence, without the sentence’s end', () => {
  expect(pieces('See https://example.org/a?b=c, please.')).toEqual([
    { text: 'See ' },
    { text: 'https://example.org/a?b=c', href: 'https://example.org/a?b=c' },
    { text: ', please.' },
  ]);
});

test('a bracket that belongs to the link stays, and one around it does not', () => {
  expect(links('(https://example.org/a_(b))')).toEqual(['https://example.org/a_(b)']);
});

test.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'JaVaScRiPt://example.org/%0aalert(1)',
  'https://',
  'https://bank.example@evil.example/',
  'ftp://example.org',
  'vbscript:x',
])('%s is text', (text) => {
  expect(links(text)).toEqual([]);
  expect(
    pieces(text)
      .map((piece) => piece.text)
      .join(''),
  ).toBe(text);
});

test('nothing of the text is lost or changed', () => {
  const text = 'a <b>https://x.example/"><img src=x></b> https://y.example\nz';
  expect(
    pieces(text)
      .map((piece) => piece.text)
      .join(''),
  ).toBe(text);
});
