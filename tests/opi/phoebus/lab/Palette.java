package lab;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A picture with 256 of its colours, those it has most of and none like another, for a file of a third of the size. */
class Palette
{
    private static final int SIZE = 256, NEAR = 150;

    private final List<Integer> colours;
    private final Map<Integer, Integer> nearest = new HashMap<>();

    Palette(final int[] pixels)
    {
        final Map<Integer, Integer> counts = new HashMap<>();
        for (int pixel : pixels)
            counts.merge(pixel & 0xFFFFFF, 1, Integer::sum);
        final List<Integer> often = counts.keySet().stream()
            .sorted((a, b) -> counts.get(b) - counts.get(a)).collect(Collectors.toList());
        colours = new ArrayList<>();
        for (int colour : often)
            if (colours.size() < SIZE  &&  colours.stream().allMatch(other -> distance(colour, other) > NEAR))
                colours.add(colour);
    }

    static BufferedImage reduced(final BufferedImage image)
    {
        final int width = image.getWidth(), height = image.getHeight();
        final int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
        final Palette palette = new Palette(pixels);
        final BufferedImage made = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, palette.model());
        for (int i = 0; i < pixels.length; ++i)
            made.getRaster().setSample(i % width, i / width, 0, palette.index(pixels[i] & 0xFFFFFF));
        return made;
    }

    private IndexColorModel model()
    {
        return new IndexColorModel(8, colours.size(), colours.stream().mapToInt(c -> c).toArray(), 0, false, -1, 0);
    }

    private int index(final int colour)
    {
        return nearest.computeIfAbsent(colour, wanted ->
        {
            int best = 0;
            for (int i = 1; i < colours.size(); ++i)
                if (distance(wanted, colours.get(i)) < distance(wanted, colours.get(best)))
                    best = i;
            return best;
        });
    }

    private static int distance(final int a, final int b)
    {
        int sum = 0;
        for (int shift = 0; shift < 24; shift += 8)
        {
            final int difference = (a >> shift & 0xFF) - (b >> shift & 0xFF);
            sum += difference * difference;
        }
        return sum;
    }
}
