// Package reload decides when a configuration is read anew, and keeps what is
// in force when the new one is of no use. A Watcher notices that files have
// other content than before; a Reloader is where all triggers meet, runs one
// reload at a time and says how it went; a ShrinkGuard holds back a catalog
// that loses many services at once. The package knows files as bytes: what
// they mean, and what is swapped, is for the caller to say.
package reload
