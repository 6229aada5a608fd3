package disk

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// sealed is a file of zeros with one frame in it.
func sealed(rng *rand.Rand, off int64, n int, dense bool) (file, body []byte) {
	body = make([]byte, n)
	if dense {
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
	}
	l := frameLen(n)
	buf := make([]byte, l)
	copy(buf[frameHeader:], body)
	sealFrame(buf, n, 7, off, 0)
	file = make([]byte, (int(off)+l+2*sectorSize)&^(sectorSize-1))
	copy(file[off:], buf)
	return file, body
}

func TestFrameKeepsItsBody(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for off := int64(sectorSize); off < 3*sectorSize; off += frameAlign {
		for n := 0; n < 3000; n += 1 + rng.IntN(7) {
			file, body := sealed(rng, off, n, n%2 == 0)
			f, st := parseFrame(file, off, 7)
			if st != frameOK || !bytes.Equal(f.records(file), body) {
				t.Fatalf("offset %d, %d bytes: state %d", off, n, st)
			}
		}
	}
	for _, n := range []int{1 << 16, 1<<20 + 13, 5 << 20} {
		off := int64(sectorSize + frameAlign*(n%16))
		file, body := sealed(rng, off, n, true)
		f, st := parseFrame(file, off, 7)
		if st != frameOK || !bytes.Equal(f.records(file), body) {
			t.Fatalf("%d bytes: state %d", n, st)
		}
	}
}

// The bytes saved in place of stamps fit between the body and the last stamp.
func TestFrameHasRoomForSavedBytes(t *testing.T) {
	for off := int64(0); off < sectorSize; off += frameAlign {
		for n := range 70000 {
			lowest, l := frameLen(n), frameLen(n)
			eachSaved(off, l, func(_, saved int) { lowest = min(lowest, saved) })
			if lowest < frameHeader+n {
				t.Fatalf("offset %d, %d bytes: saved at %d", off, n, lowest)
			}
			if n > 3000 {
				break
			}
		}
	}
	for n := 3000; n < 300000; n += 97 {
		for _, off := range []int64{0, 32, 256, 480} {
			lowest, l := frameLen(n), frameLen(n)
			eachSaved(off, l, func(_, saved int) { lowest = min(lowest, saved) })
			if lowest < frameHeader+n {
				t.Fatalf("offset %d, %d bytes: saved at %d", off, n, lowest)
			}
		}
	}
}

// A frame of which sectors were not written is torn, whatever it held: also
// when it held zeros.
func TestFrameLostSectorIsTorn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		off := int64(sectorSize + frameAlign*rng.IntN(40))
		file, _ := sealed(rng, off, rng.IntN(4000), rng.IntN(2) == 0)
		f, _ := parseFrame(file, off, 7)
		end := off + int64(f.length)
		lost := false
		for s := off &^ (sectorSize - 1); s < end; s += sectorSize {
			if rng.IntN(2) == 0 {
				continue
			}
			lost = true
			clear(file[max(s, off):min(s+sectorSize, end)])
		}
		_, st := parseFrame(file, off, 7)
		switch {
		case !lost && st != frameOK:
			t.Fatalf("whole frame has state %d", st)
		case lost && st != frameTorn && st != frameNone:
			t.Fatalf("torn frame has state %d", st)
		}
	}
}

// A frame of which a byte has changed is rotten, never torn.
func TestFrameFlipIsRot(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 100, 480, 1500, 2600} {
		for _, dense := range []bool{true, false} {
			off := int64(sectorSize + frameAlign*rng.IntN(16))
			file, _ := sealed(rng, off, n, dense)
			f, _ := parseFrame(file, off, 7)
			for i := off; i < off+int64(f.length); i++ {
				for _, x := range []byte{1, 0x80, file[i]} {
					if x == 0 {
						continue
					}
					file[i] ^= x
					if _, st := parseFrame(file, off, 7); st != frameRotten {
						t.Fatalf("%d bytes, byte %d of %d changed: state %d", n, i-off, f.length, st)
					}
					file[i] ^= x
				}
			}
		}
	}
}

func TestFrameOfAnotherPlaceIsNotTaken(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	file, _ := sealed(rng, sectorSize, 100, true)
	if _, st := parseFrame(file, sectorSize, 8); st != frameRotten {
		t.Errorf("another segment's frame has state %d", st)
	}
	moved := append(make([]byte, frameAlign), file...)
	if _, st := parseFrame(moved, sectorSize+frameAlign, 7); st != frameRotten {
		t.Errorf("a moved frame has state %d", st)
	}
	if !provesSynced(file, 0, 7) || provesSynced(file, sectorSize+frameAlign, 7) {
		t.Error("provesSynced is wrong")
	}
}

func FuzzFrame(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 9))
	file, _ := sealed(rng, sectorSize, 900, true)
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		if fr, st := parseFrame(data, sectorSize, 7); st == frameOK {
			fr.records(data)
		}
	})
}
