import { afterEach, describe, expect, test, vi } from 'vitest';
import { Backoff } from '../src/backoff.js';
import { expiryOfJwt } from '../src/credentials.js';
import { Cursor } from '../src/cursor.js';
import { Ladder } from '../src/ladder.js';
import { Pacer } from '../src/pacer.js';
import { SseParser, type SseMessage } from '../src/sse-parser.js';
import { Watchdog } from '../src/watchdog.js';

afterEach(() => void vi.useRealTimers());

describe('Backoff', () => {
  test('doubles its bound up to the cap, and starts over', () => {
    const backoff = new Backoff(1000, 30_000, () => 1);
    const delays = Array.from({ length: 7 }, () => backoff.next());
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  test('jitters over the whole range', () => {
    expect(new Backoff(1000, 30_000, () => 0).next()).toBe(0);
  });
});

describe('Cursor', () => {
  test('lets each seq through once and in order', () => {
    const cursor = new Cursor({ seq: 5, epoch: 'e' });
    expect([5, 6, 6, 8, 7, 8].map((seq) => cursor.arrive(seq))).toEqual([
      'seen',
      'next',
      'seen',
      'gap',
      'next',
      'next',
    ]);
    expect(cursor.position).toEqual({ seq: 8, epoch: 'e' });
  });
});

describe('Ladder', () => {
  test('tries a socket twice, each fallback once, and starts over', () => {
    const ladder = new Ladder(['websocket', 'sse', 'poll']);
    const tried = Array.from({ length: 6 }, () => {
      const { kind } = ladder;
      ladder.failed();
      return kind;
    });
    expect(tried).toEqual(['websocket', 'websocket', 'sse', 'poll', 'websocket', 'websocket']);
  });

  test('stays where it succeeded', () => {
    const ladder = new Ladder(['websocket', 'sse', 'poll']);
    ladder.failed();
    ladder.failed();
    ladder.opened();
    expect(ladder.kind).toBe('sse');
  });
});

describe('Pacer', () => {
  test('never sends more than fifty in any second, and keeps the order', () => {
    vi.useFakeTimers();
    const sent: { frame: string; at: number }[] = [];
    const pacer = new Pacer((frame) => sent.push({ frame, at: Date.now() }));
    for (let n = 0; n < 200; n += 1) pacer.push(String(n));
    vi.advanceTimersByTime(10_000);
    expect(sent.map(({ frame }) => Number(frame))).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    );
    for (const { at } of sent) {
      const within = sent.filter((other) => other.at >= at && other.at < at + 1000);
      expect(within.length).toBeLessThanOrEqual(50);
    }
  });
});

describe('Watchdog', () => {
  test('barks after silence, counted from the last byte', () => {
    vi.useFakeTimers();
    const bark = vi.fn();
    const watchdog = new Watchdog(45_000, bark);
    vi.advanceTimersByTime(40_000);
    watchdog.feed();
    vi.advanceTimersByTime(44_000);
    expect(bark).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(bark).toHaveBeenCalledTimes(1);
  });

  test('a probe that is answered is forgotten', () => {
    vi.useFakeTimers();
    const bark = vi.fn();
    const watchdog = new Watchdog(45_000, bark);
    watchdog.expectWithin(5_000);
    vi.advanceTimersByTime(1);
    watchdog.feed();
    vi.advanceTimersByTime(10_000);
    expect(bark).not.toHaveBeenCalled();
    watchdog.expectWithin(5_000);
    vi.advanceTimersByTime(5_000);
    expect(bark).not.toHaveBeenCalledTimes(0);
  });
});

describe('SseParser', () => {
  const text =
    '\uFEFFretry: 2000\r\n\r\n: comment\nevent: reset\rdata: {"a":\ndata:1}\n\nid: 4\ndata: two\n\ndata\n\n' +
    'event: nothing\n\ndata: unfinished';
  const expected = [
    { event: 'reset', data: '{"a":\n1}' },
    { event: 'message', data: 'two' },
    { event: 'message', data: '' },
  ];

  test('gives the same messages wherever the input is split', () => {
    for (let first = 0; first <= text.length; first += 1) {
      for (let second = first; second <= text.length; second += 1) {
        const got: SseMessage[] = [];
        const parser = new SseParser((message) => got.push(message));
        for (const piece of [text.slice(0, first), text.slice(first, second), text.slice(second)]) {
          parser.feed(piece);
        }
        expect(got).toEqual(expected);
      }
    }
  });

  test('refuses an event without an end', () => {
    const parser = new SseParser(() => undefined, 100);
    expect(() => {
      for (;;) parser.feed('data: and so on\n');
    }).toThrow(RangeError);
  });
});

test('the expiry of a JWT is read, and nothing else is taken for one', () => {
  expect(expiryOfJwt(`h.${btoa('{"exp":17}')}.s`)).toBe(17_000);
  for (const token of ['', 'a.b', 'a.!.c', `h.${btoa('null')}.s`, `h.${btoa('{"exp":"17"}')}.s`]) {
    expect(expiryOfJwt(token)).toBeUndefined();
  }
});
