/** What card.js gets from hailuo_nb/notebook/view.py, for whoever checks its types; nothing of this reaches a page. */

export interface Action { name: string; label: string; is_enabled?: boolean; title?: string; sum?: string }

export interface Clip {
  key: string; name?: string; file?: string; src?: string; caption?: string; label?: string;
  prompt?: string; brief?: string; copy?: string; status: string; word: string; icon: string; usual?: string; started_ms?: number;
  elapsed_s?: number; typical_s?: [number, number]; price?: string; width?: number; facts?: string;
  why?: string; lines?: string[]; actions?: Action[]; is_final?: boolean;
}

export interface Group {
  head?: string; keys?: string[]; columns?: string[]; rows?: { head: string; cells: string[][] }[];
}

export interface Word { text: string; is_changed?: boolean }

export interface Earlier { line: string; title: string; was?: Word[]; now?: Word[]; clips?: Clip[]; more?: string }

export interface Card {
  batch: string; clips: Clip[]; line: string; prompt?: string; brief?: string; copy?: string; note?: string; confirm?: { label: string; sum: string }; actions?: Action[];
  groups?: Group[]; until_ms?: number; pace?: string; is_final?: boolean; is_table?: boolean;
  is_over?: boolean; counts: string; earlier?: Earlier;
}

export interface Changes { clips: Clip[]; head: Partial<Card>; gone: string[] }

export interface Model {
  get(name: "card"): Card;
  on(event: string, handler: Function): void;
  off(event: string, handler: Function): void;
  send(content: object): void;
}
