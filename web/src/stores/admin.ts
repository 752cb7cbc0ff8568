/**
 * What admins of an organisation look after: exports, whose progress is followed live, and background jobs.
 *
 * Lists are read when the page is shown. An export of our own is followed on `tasks/{id}`; what becomes of everybody's is
 * told by `export_done` on the organisation's notifications. Of jobs nothing is told: they are read again while some run.
 */
import type { Client, StreamEvent, Subscription } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { ApiError, reasonOf, request } from '../api/http';

export const kinds = ['tasks_csv', 'messages_jsonl', 'audit_jsonl'] as const;
export type Kind = (typeof kinds)[number];

export interface Export {
  job_id: number;
  task_id: string;
  kind: Kind;
  status: 'queued' | 'running' | 'done' | 'failed';
  lines: number;
  bytes: number;
  download_url?: string | null;
  error?: { code: string; message: string } | null;
  requested_by: number;
  created_at: string;
  /** Of 1; ours to keep, from the events of its task. */
  progress?: number;
}

export interface Job {
  id: number;
  task: string;
  status: string;
  failures: number;
  cancelling: boolean;
  progress: number;
  note: string;
  error?: { code: string; message: string } | null;
  created_at: string;
  due_at: string;
}

interface JobPage {
  results: Job[];
  next_cursor?: string | null;
}

/** As many as one page may have. */
const mostJobs = 200;
const fewestJobs = 50;

const underWay = ({ status }: Export) => status === 'queued' || status === 'running';

/** Something will become of it soon. */
function stirs({ status, due_at }: Job): boolean {
  if (status === 'scheduled') return Date.parse(due_at) - Date.now() < 60_000;
  return status === 'ready' || status === 'running';
}

export const useAdmin = defineStore('admin', () => {
  const byId = ref(new Map<number, Export>());
  const jobs = ref<Job[]>([]);
  /** Where the jobs go on that are older than those shown. */
  const olderJobs = ref<string>();
  const problem = ref('');
  const exports = computed(() => [...byId.value.values()].sort((a, b) => b.job_id - a.job_id));
  /** Whether there is a reason to read the jobs again. */
  const stirring = computed(
    () => jobs.value.some(stirs) || [...byId.value.values()].some(underWay),
  );
  const followed = new Map<string, Subscription>();
  /** How often each export was read by itself: an answer that a newer one has overtaken is dropped. */
  const reads = new Map<number, number>();
  /** Exports that ended while the list was being read: it may not know it. */
  const heard = new Set<number>();
  /** Whether the list of exports was read, or is being read. */
  let listed = false;
  let listings = 0;
  let polling = false;
  let client: Client | undefined;
  let me = 0;
  let org = '';
  /** Grows with every organisation: an answer for an earlier one comes too late. */
  let generation = 0;

  function open(with_: Client, slug: string, user: number): void {
    close();
    client = with_;
    org = slug;
    me = user;
  }

  function close(): void {
    generation += 1;
    followed.clear();
    reads.clear();
    heard.clear();
    listed = polling = false;
    listings = 0;
    client = undefined;
    byId.value = new Map();
    jobs.value = [];
    olderJobs.value = undefined;
    problem.value = '';
  }

  /** Runs `work`, and says what went wrong, if this is still what is shown. */
  async function attempt(work: () => Promise<(() => void) | undefined>): Promise<void> {
    const mine = generation;
    problem.value = '';
    try {
      const show = await work();
      if (mine === generation) show?.();
    } catch (error) {
      if (mine === generation) problem.value = reasonOf(error);
    }
  }

  async function loadExports(): Promise<void> {
    const mine = generation;
    listed = true;
    listings += 1;
    await attempt(async () => {
      const list = await request<{ results: Export[] }>('GET', `orgs/${org}/exports`);
      return () => list.results.forEach(put);
    });
    if (mine !== generation) return;
    listings -= 1;
    if (listings > 0) return;
    const ended = [...heard];
    heard.clear();
    ended.forEach(hear);
  }

  const readJobs = (query: string) =>
    request<JobPage>('GET', `admin/jobs?org=${encodeURIComponent(org)}${query}`);

  const loadJobs = () =>
    attempt(async () => {
      const page = await readJobs('');
      return () => {
        jobs.value = page.results;
        olderJobs.value = page.next_cursor ?? undefined;
      };
    });

  const loadOlderJobs = () =>
    attempt(async () => {
      const cursor = olderJobs.value;
      if (cursor === undefined) return undefined;
      const page = await readJobs(`&cursor=${encodeURIComponent(cursor)}`);
      return () => {
        if (olderJobs.value !== cursor) return; // asked for twice
        jobs.value = [...jobs.value, ...page.results];
        olderJobs.value = page.next_cursor ?? undefined;
      };
    });

  /** Reads again what is shown, from the newest on, and says nothing where that fails: it will be read again. */
  async function pollJobs(): Promise<void> {
    if (polling) return;
    const mine = generation;
    polling = true;
    try {
      const most = Math.min(Math.max(jobs.value.length, fewestJobs), mostJobs);
      const page = await readJobs(`&limit=${most}`);
      if (mine !== generation) return;
      const oldest = page.results.at(-1)?.id ?? 0;
      const older = page.next_cursor ? jobs.value.filter(({ id }) => id < oldest) : [];
      jobs.value = [...page.results, ...older];
      if (older.length === 0) olderJobs.value = page.next_cursor ?? undefined;
    } catch {
      return;
    } finally {
      if (mine === generation) polling = false;
    }
  }

  const start = (kind: Kind) =>
    attempt(async () => {
      const made = await request<Export>('POST', `orgs/${org}/exports`, {
        body: { kind },
        idempotencyKey: crypto.randomUUID(),
      });
      return () => put(made);
    });

  const change = (job: number, what: 'retry' | 'cancel') =>
    attempt(async () => {
      const changed = await request<Job>('POST', `admin/jobs/${job}/${what}`);
      return () => {
        jobs.value = jobs.value.map((each) => (each.id === job ? changed : each));
        if (byId.value.has(job)) void refresh(job);
      };
    });

  function put(one: Export): void {
    const progress = byId.value.get(one.job_id)?.progress;
    const known = one.status === 'running' && progress !== undefined;
    byId.value.set(one.job_id, { ...one, ...(known && { progress }) });
    if (underWay(one)) follow(one);
    else leave(one);
  }

  /** Nobody else may follow it: others hear of its end. */
  function follow({ task_id, job_id, requested_by }: Export): void {
    const stream = `tasks/${task_id}`;
    if (!client || requested_by !== me || followed.has(task_id)) return;
    // Its end may have been told before we listen: then it is the newest event.
    const subscription = client.subscription(stream) ?? client.subscribe(stream, { last: 1 });
    followed.set(task_id, subscription);
    subscription.on('event', (event: StreamEvent) => {
      const known = byId.value.get(job_id);
      if (!known) return;
      if (event.type === 'task_progress') {
        known.status = 'running';
        known.progress = Number(event['progress']);
      } else if (event.type === 'task_ended') {
        void refresh(job_id);
      }
    });
    // What became of it before the stream's place was fixed is not told.
    subscription.on('live', (live) => {
      if (live) void refresh(job_id);
    });
    subscription.on('reset', () => void refresh(job_id));
    subscription.on('end', () => void refresh(job_id));
  }

  function leave({ task_id }: Export): void {
    followed.get(task_id)?.unsubscribe();
    followed.delete(task_id);
  }

  /** Where it fails, whatever told of the export is told again when the connection is back. */
  async function refresh(id: number): Promise<void> {
    const mine = generation;
    const read = (reads.get(id) ?? 0) + 1;
    reads.set(id, read);
    const newest = () => mine === generation && reads.get(id) === read;
    try {
      const now = await request<Export>('GET', `orgs/${org}/exports/${id}`);
      if (newest()) put(now);
    } catch (error) {
      // Its time is over.
      if (newest() && error instanceof ApiError && error.status === 404) forget(id);
    }
  }

  function forget(id: number): void {
    const known = byId.value.get(id);
    if (known) leave(known);
    byId.value.delete(id);
  }

  /** Of the organisation's notifications. */
  function apply(event: StreamEvent): void {
    if (event.type !== 'export_done' || !listed) return;
    const id = Number(event['job_id']);
    if (listings > 0) heard.add(id);
    else hear(id);
  }

  /** What was replayed is in the list already, or its time is over. */
  function hear(id: number): void {
    const known = byId.value.get(id);
    if (known === undefined || underWay(known)) void refresh(id);
  }

  return {
    exports,
    jobs,
    olderJobs,
    stirring,
    problem,
    open,
    close,
    loadExports,
    loadJobs,
    loadOlderJobs,
    pollJobs,
    start,
    change,
    apply,
  };
});
